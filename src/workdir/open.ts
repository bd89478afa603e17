import { JupyterFrontEnd } from '@jupyterlab/application';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { Contents } from '@jupyterlab/services';

import { toPath } from '../buckets/paths';
import { MountedFolder } from '../types';

/** The open documents of a folder of one's own files that have not been saved. */
export function unsaved(
  shell: JupyterFrontEnd.IShell,
  folder: string
): DocumentRegistry.Context[] {
  const found = new Set<DocumentRegistry.Context>();
  for (const widget of shell.widgets('main')) {
    const { context } = widget as { context?: DocumentRegistry.Context };
    if (context?.isReady && context.model.dirty && lies(context.path, folder)) {
      found.add(context);
    }
  }
  return [...found];
}

/** Whether a path of one's own files lies in a folder of them. */
export function lies(path: string, folder: string): boolean {
  return !path.includes(':') && (!folder || path.startsWith(`${folder}/`));
}

/** Save a document where its mounted folder would have put it: in the bucket, by the drive. */
export async function saveInBucket(
  contents: Contents.IManager,
  drive: string,
  { bucket, folder, path }: MountedFolder,
  { contentsModel, model, path: own }: DocumentRegistry.Context
): Promise<string> {
  const within = own.slice(path ? path.length + 1 : 0);
  const key = [folder, within].filter(Boolean).join('/');
  const isNotebook = contentsModel?.type === 'notebook';
  await contents.save(`${drive}:${toPath({ bucket, key })}`, {
    type: contentsModel?.type ?? 'file',
    format: isNotebook ? 'json' : 'text',
    content: isNotebook ? model.toJSON() : model.toString()
  });
  return `${bucket}/${key}`;
}
