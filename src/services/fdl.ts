import { PathExt } from '@jupyterlab/coreutils';
import { Contents, ServerConnection } from '@jupyterlab/services';

import { isFdl, OscarError } from '../tokens';

/** What a script is called where the FDL does not say. */
export const SCRIPT = 'script.sh';
/** A larger file is none of these. */
const LARGEST = 1_000_000;

/** An FDL with the scripts that it names, by these names. */
export interface IDefinition {
  fdl: string;
  scripts: Readonly<Record<string, string>>;
  /** Why a script that it names is not among them, by these names. */
  missing?: Readonly<Record<string, string>>;
}

/** The names that an FDL gives its scripts, each once. */
export function scriptsOf(fdl: string): string[] {
  const names = new Set<string>();
  for (const line of fdl.split('\n')) {
    const found = /^[\s-]*script:\s*(?:"([^"]+)"|'([^']+)'|([^\s"'#]+))/.exec(
      line
    );
    if (found) {
      names.add(found.slice(1).join(''));
    }
  }
  return [...names];
}

/** The name that an FDL gives a file, if it names one of that name or the only one. */
export function nameOf(file: string, names: readonly string[]): string {
  const same = names.find(name => PathExt.basename(name) === file);
  return same ?? (names.length === 1 ? names[0] : file);
}

/**
 * Read an FDL with the scripts it names, whose paths are relative to it, through
 * the contents API. A script that cannot be read is missing by name; an FDL that
 * cannot be read is an error.
 */
export async function readFdl(
  contents: Contents.IManager,
  path: string
): Promise<IDefinition> {
  const fdl = await readText(contents, path);
  const scripts: Record<string, string> = {};
  const missing: Record<string, string> = {};
  await Promise.all(
    scriptsOf(fdl).map(async name => {
      try {
        scripts[name] = await readText(contents, beside(contents, path, name));
      } catch (reason) {
        missing[name] = reason instanceof OscarError ? reason.message : '';
      }
    })
  );
  return { fdl, scripts, missing };
}

/** The text of a file of the server; an OscarError where there is none. */
export async function readText(
  contents: Contents.IManager,
  path: string
): Promise<string> {
  let file: Contents.IModel;
  try {
    file = await contents.get(path, {
      type: 'file',
      format: 'text',
      content: true
    });
  } catch (reason) {
    const status = (reason as Partial<ServerConnection.ResponseError>).response
      ?.status;
    throw unread(
      status === 404
        ? `No such file: ${path}`
        : reason instanceof Error
          ? reason.message
          : String(reason)
    );
  }
  const content: unknown = file.content;
  if (typeof content !== 'string' || content.length > LARGEST) {
    throw unread(path);
  }
  return content;
}

function unread(message: string): OscarError {
  return new OscarError({
    code: 'file-unread',
    message,
    hint: '',
    line: null,
    upstream_status: null
  });
}

/** Texts of files from outside the page: an FDL if there is one, and scripts by their names. */
export async function readFiles(
  files: Iterable<File>
): Promise<{ fdl?: string; scripts: Record<string, string> }> {
  let fdl: string | undefined;
  const scripts: Record<string, string> = {};
  for (const file of files) {
    if (file.size > LARGEST) {
      continue;
    }
    if (isFdl(file.name)) {
      fdl = await file.text();
    } else {
      scripts[file.name] = await file.text();
    }
  }
  return { fdl, scripts };
}

/** Where a script lies that an FDL names; what lies above the served folder is not there. */
function beside(
  contents: Contents.IManager,
  path: string,
  name: string
): string {
  const drive = contents.driveName(path);
  const folder = PathExt.dirname(contents.localPath(path));
  const local = PathExt.normalize(PathExt.join(folder, name));
  if (name.startsWith('/') || local.startsWith('..')) {
    throw unread(name);
  }
  return drive ? `${drive}:${local}` : local;
}
