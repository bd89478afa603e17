import { Place } from '../types';

/** What reads an object in a cell. */
export type Reader = 'pandas' | 'xarray' | 'bytes';

const PANDAS: Record<string, string> = {
  csv: 'read_csv',
  tsv: 'read_table',
  txt: 'read_csv',
  json: 'read_json',
  jsonl: 'read_json',
  parquet: 'read_parquet',
  feather: 'read_feather',
  arrow: 'read_feather',
  xls: 'read_excel',
  xlsx: 'read_excel'
};
const XARRAY = ['nc', 'nc4', 'h5', 'hdf5', 'zarr', 'grib', 'grb2'];

/** What an object's name says of who reads it. */
export function readerOf(key: string): Reader {
  const extension = Private.extension(key);
  return extension !== 'txt' && extension in PANDAS
    ? 'pandas'
    : XARRAY.includes(extension)
      ? 'xarray'
      : 'bytes';
}

/** A cell that reads an object; it uses public names only and may be run twice. */
export function readingCell(
  cluster: string,
  { bucket, key }: Place,
  reader: Reader = readerOf(key)
): string {
  const connect = [
    'import jupyter_oscar as oscar',
    '',
    `cluster = oscar.connect(${Private.literal(cluster)})`
  ];
  const place = Private.literal(`${bucket}/${key}`);
  const open = `with cluster.fs.open(${place}, "rb") as file:`;
  const extension = Private.extension(key);
  switch (reader) {
    case 'pandas': {
      const more = extension === 'jsonl' ? ', lines=True' : '';
      return [
        'import pandas as pd',
        ...connect,
        open,
        `    table = pd.${PANDAS[extension] ?? 'read_csv'}(file${more})`,
        'table'
      ].join('\n');
    }
    case 'xarray':
      return [
        'import xarray as xr',
        ...connect,
        open,
        '    data = xr.open_dataset(file).load()',
        'data'
      ].join('\n');
    case 'bytes':
      return [
        ...connect,
        open,
        '    content = file.read()',
        'content[:100]'
      ].join('\n');
  }
}

namespace Private {
  export function extension(key: string): string {
    return /\.([^./]+)$/.exec(key)?.[1].toLowerCase() ?? '';
  }

  /** A text as Python reads it; JSON's escapes are Python's too. */
  export function literal(text: string): string {
    return JSON.stringify(text);
  }
}
