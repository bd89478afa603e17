import Papa from 'papaparse';

/** So many lines of an answer are looked at to guess what separates its fields. */
const GUESSED = 20;
/** So many rows of a table are shown. */
export const ROWS = 200;

/** Rows under the names of their columns: the first ones, and how many there are. */
export interface ITable {
  columns: string[];
  rows: string[][];
  total: number;
}

/**
 * What stands in rows: a CSV or TSV file by its name, a JSON array of records, or,
 * where there is no name to go by, lines that all have the same separators.
 */
export function tableOf(
  kind: string,
  name: string,
  text: string,
  guess = false
): ITable | undefined {
  if (kind === 'json') {
    return records(text);
  }
  const separator = /\.csv$/i.test(name)
    ? ','
    : /\.tsv$/i.test(name)
      ? '\t'
      : guess
        ? guessed(text)
        : '';
  const [columns, ...rows] = separator ? separated(text, separator) : [];
  return rows.length && columns.length > 1
    ? { columns, rows: rows.slice(0, ROWS), total: rows.length }
    : undefined;
}

/** What separates the fields of an answer, if its first lines have as many each. */
function guessed(text: string): string {
  const lines = text.trimEnd().split(/\r?\n/, GUESSED);
  const found = ['\t', ','].find(separator => {
    const counts = lines.map(
      line => separated(line, separator).at(0)?.length ?? 0
    );
    return (
      counts[0] > 1 &&
      counts.every(count => count === counts[0]) &&
      // Of prose: a comma, then a space.
      !lines.some(line => line.includes(`${separator} `))
    );
  });
  return lines.length > 1 ? (found ?? '') : '';
}

function records(text: string): ITable | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(found) || !found.length || !found.every(isRecord)) {
    return undefined;
  }
  const first: Record<string, unknown>[] = found.slice(0, ROWS);
  const columns = [...new Set(first.flatMap(row => Object.keys(row)))];
  const rows = first.map(row =>
    columns.map(column => {
      const value = Object.hasOwn(row, column) ? row[column] : '';
      return typeof value === 'string' ? value : JSON.stringify(value);
    })
  );
  return columns.length ? { columns, rows, total: found.length } : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of each line; nothing where a quote does not end: that is no such file. */
function separated(text: string, delimiter: string): string[][] {
  const { data, errors } = Papa.parse<string[]>(text, {
    delimiter,
    skipEmptyLines: true
  });
  return errors.length ? [] : data;
}
