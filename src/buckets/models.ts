import { PathExt } from '@jupyterlab/coreutils';
import { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

import { OscarError } from '../tokens';
import { ObjectRow } from '../types';

/** Objects and folders as the contents API says them, and their contents between its forms and bytes. */

export const EMPTY_NOTEBOOK = JSON.stringify({
  cells: [],
  metadata: {},
  nbformat: 4,
  nbformat_minor: 5
});

/** A folder, which has no times: S3 knows none. */
export function folder(path: string): Contents.IModel {
  return {
    name: PathExt.basename(path),
    path,
    type: 'directory',
    writable: true,
    created: '',
    last_modified: '',
    mimetype: '',
    content: null,
    format: null
  };
}

/** An object without its content. */
export function file(
  path: string,
  row: ObjectRow,
  type?: Contents.ContentType
): Contents.IModel {
  const isNotebook = type ? type === 'notebook' : path.endsWith('.ipynb');
  const modified = new Date(row.modified * 1000);
  const when = Number.isNaN(modified.getTime()) ? '' : modified.toISOString();
  return {
    name: PathExt.basename(path),
    path,
    type: isNotebook ? 'notebook' : 'file',
    writable: true,
    created: when,
    last_modified: when,
    mimetype: '',
    size: row.size,
    content: null,
    format: null
  };
}

/** A file of which only a part has arrived. */
export function pending(path: string): Contents.IModel {
  const row = { key: '', size: 0, modified: Date.now() / 1000, etag: '' };
  return file(path, row, 'file');
}

/** A file with its content in the form that is wanted, or in the one that fits. */
export function filled(
  model: Contents.IModel,
  content: ArrayBuffer,
  options: Contents.IFetchOptions,
  trans: TranslationBundle
): Contents.IModel {
  const wanted = options.format;
  if (wanted !== 'base64') {
    try {
      const text = new TextDecoder('utf-8', {
        fatal: true,
        ignoreBOM: true
      }).decode(content);
      if (model.type === 'notebook') {
        return {
          ...model,
          format: 'json',
          content: JSON.parse(text) as unknown
        };
      }
      return {
        ...model,
        format: 'text',
        mimetype: 'text/plain',
        content: text
      };
    } catch (reason) {
      if (wanted || model.type === 'notebook') {
        const message =
          model.type === 'notebook'
            ? trans.__('%1 is no notebook: %2', model.name, String(reason))
            : trans.__('%1 is not a text in UTF-8.', model.name);
        throw new OscarError({
          code: 'invalid-request',
          message,
          hint: trans.__('Open it with another program, or download it.'),
          upstream_status: null,
          line: null
        });
      }
    }
  }
  return {
    ...model,
    format: 'base64',
    mimetype: 'application/octet-stream',
    content: toBase64(new Uint8Array(content))
  };
}

/** What is to be stored. */
export function bytes(options: Partial<Contents.IModel>): string | Uint8Array {
  const content: unknown = options.content;
  if (options.format === 'base64') {
    return fromBase64(typeof content === 'string' ? content : '');
  }
  if (content === undefined || content === null) {
    return '';
  }
  return typeof content === 'string'
    ? content
    : // As Jupyter Server writes notebooks.
      `${JSON.stringify(content, null, 1)}\n`;
}

/** Whether a failure means that there is nothing. */
export function isMissing(reason: unknown): boolean {
  return (
    reason instanceof OscarError && reason.problem.code === 'object-not-found'
  );
}

function fromBase64(text: string): Uint8Array {
  const said = atob(text);
  const found = new Uint8Array(said.length);
  for (let at = 0; at < said.length; at += 1) {
    found[at] = said.charCodeAt(at);
  }
  return found;
}

export function toBase64(content: Uint8Array): string {
  let said = '';
  // Not all at once: a call takes so many arguments only.
  for (let at = 0; at < content.length; at += 0x8000) {
    said += String.fromCharCode(...content.subarray(at, at + 0x8000));
  }
  return btoa(said);
}
