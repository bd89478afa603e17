import { TranslationBundle } from '@jupyterlab/translation';
import { fileIcon, folderIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ago, exactly, size } from '../format';
import { IColumn } from '../table/grid';
import { FolderPage } from '../types';
import { nameOf, toPath } from './paths';

/** One line: an object, a folder or a bucket. */
export interface IEntry {
  /** Its place in the storage's own order. */
  order: number;
  path: string;
  name: string;
  isFolder: boolean;
  size: number | null;
  modified: number | null;
}

export function pathOf(entry: IEntry): string {
  return entry.path;
}

export function entryName(entry: IEntry): string {
  return entry.name;
}

/** Folders and objects of a page, in the order of their keys. */
export function entriesOf(
  bucket: string,
  { folders, objects }: FolderPage,
  before: number
): IEntry[] {
  const found = [
    ...folders.map(key => ({ key, size: null, modified: null })),
    ...objects
  ].sort((a, b) => (a.key < b.key ? -1 : 1));
  return found.map(({ key, modified, size: bytes }, index) => ({
    order: before + index,
    path: toPath({ bucket, key }),
    name: nameOf(key),
    isFolder: bytes === null,
    size: bytes,
    modified
  }));
}

export function columnsOf(trans: TranslationBundle): IColumn<IEntry>[] {
  return [
    {
      id: 'name',
      label: trans.__('Name'),
      width: 160,
      grow: 1,
      // The storage's own order, so that what is loaded later comes below.
      value: entry => entry.order,
      cell: entry => {
        const Icon = entry.isFolder ? folderIcon : fileIcon;
        return (
          <span className="jp-OscarFolderView-name" title={entry.name}>
            <Icon.react tag="span" width="16px" height="16px" />
            <span className="jp-OscarFolderView-text">{entry.name}</span>
          </span>
        );
      }
    },
    {
      id: 'size',
      label: trans.__('Size'),
      width: 80,
      isNumber: true,
      value: entry => entry.size,
      cell: entry => (entry.size === null ? '–' : size(entry.size))
    },
    {
      id: 'modified',
      label: trans.__('Changed'),
      width: 110,
      isNumber: true,
      value: entry => entry.modified,
      cell: entry =>
        entry.modified === null ? (
          '–'
        ) : (
          <span title={exactly(entry.modified)}>
            {ago(entry.modified, trans)}
          </span>
        )
    }
  ];
}
