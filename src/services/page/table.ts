/** So many rows of a table are shown. */
export const ROWS = 200;

/** Rows under the names of their columns: the first ones, and how many there are. */
export interface ITable {
  columns: string[];
  rows: string[][];
  total: number;
}

/** What stands in rows: a CSV or TSV file by its name, or a JSON array of records. */
export function tableOf(
  kind: string,
  name: string,
  text: string
): ITable | undefined {
  if (kind === 'json') {
    return records(text);
  }
  const separator = /\.csv$/i.test(name)
    ? ','
    : /\.tsv$/i.test(name)
      ? '\t'
      : '';
  const [columns, ...rows] = separator ? separated(text, separator) : [];
  return rows.length && columns.length > 1
    ? { columns, rows: rows.slice(0, ROWS), total: rows.length }
    : undefined;
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

/** The fields of each line; a quoted one may hold separators, quotes and line ends. */
function separated(text: string, separator: string): string[][] {
  const field = new RegExp(
    `("[^"]*(?:""[^"]*)*"|(?:[^${separator}"\\r\\n][^${separator}\\r\\n]*)?)(${separator}|\\r?\\n|\\r|$)`,
    'y'
  );
  const rows: string[][] = [];
  let row: string[] = [];
  field.lastIndex = text.startsWith('\ufeff') ? 1 : 0;
  while (field.lastIndex < text.length || row.length) {
    const found = field.exec(text);
    if (!found) {
      // A quote that does not end: this is no such file.
      return [];
    }
    const [, value, end] = found;
    row.push(
      value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value
    );
    if (end !== separator) {
      if (row.length > 1 || row[0]) {
        rows.push(row);
      }
      row = [];
    }
  }
  return rows;
}
