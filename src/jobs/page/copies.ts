import { PathExt } from '@jupyterlab/coreutils';
import { Contents, ServerConnection } from '@jupyterlab/services';
import { CommandRegistry } from '@lumino/commands';

import { CallRow, Output } from '../../types';

/** Where copies of outputs lie on the Jupyter server, a folder a call. */
const FOLDER = 'oscar';
/** A viewer of Lab would lay these out as a page: they are opened as text. */
const AS_TEXT = /\.(x?html?|xht)$/i;

/**
 * Open an output of a call in Lab's own viewer or editor: a copy in a folder of
 * the server that is named after the call. A copy that is there already is
 * opened as it is, for somebody may have written in it.
 */
export async function openCopy(
  options: { contents: Contents.IManager; commands: CommandRegistry },
  call: CallRow,
  output: Output,
  fetch: () => Promise<Blob>
): Promise<void> {
  const { contents, commands } = options;
  const path = copyPath(call, output.name);
  if (!(await exists(contents, path))) {
    const content = await base64(await fetch());
    await makeFolder(contents, PathExt.dirname(path));
    await contents.save(path, { type: 'file', format: 'base64', content });
  }
  await commands.execute('docmanager:open', {
    path,
    ...(AS_TEXT.test(path) && { factory: 'Editor' })
  });
}

/** The path of a copy; what the cluster calls an output leads nowhere else. */
export function copyPath(call: CallRow, name: string): string {
  const parts = [FOLDER, `${call.service}-${call.id}`, ...name.split('/')];
  return (
    parts
      .filter(part => part && part !== '.')
      // A name that begins with a dot is hidden, or the folder above.
      .map(part => part.replace(/^\./, '_'))
      .join('/')
  );
}

async function exists(
  contents: Contents.IManager,
  path: string
): Promise<boolean> {
  try {
    await contents.get(path, { content: false });
    return true;
  } catch (reason) {
    const { response } = reason as Partial<ServerConnection.ResponseError>;
    if (response?.status === 404) {
      return false;
    }
    throw reason;
  }
}

async function makeFolder(
  contents: Contents.IManager,
  path: string
): Promise<void> {
  if (path && !(await exists(contents, path))) {
    await makeFolder(contents, PathExt.dirname(path));
    await contents.save(path, { type: 'directory' });
  }
}

function base64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => {
      resolve((reader.result as string).replace(/^[^,]*,/, ''));
    };
    reader.onerror = () => {
      reject(reader.error ?? new Error());
    };
    reader.readAsDataURL(blob);
  });
}
