import { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

import { ObjectRow, Place } from '../types';
import * as models from './models';
import { asFolder, toPath } from './paths';
import { IStorage } from './tokens';

/** Entries of a folder that a file browser shows; core draws every one of them. */
const LISTED = 200;

/** What lies in the buckets of a cluster, as models of the contents API. */
export class Below {
  constructor(
    private readonly _storage: IStorage,
    private readonly _cluster: string,
    private readonly _trans: TranslationBundle
  ) {}

  /** The buckets, or the first entries of a folder, of those that begin with `starts`. */
  async list(
    place: Place | undefined,
    starts: string
  ): Promise<{ entries: Contents.IModel[]; said: unknown; more: boolean }> {
    let entries: Contents.IModel[];
    let more = false;
    let said: unknown;
    if (!place) {
      const all = await this._storage.buckets(this._cluster);
      const rows = all.filter(row => row.name.startsWith(starts));
      said = all;
      more = rows.length > LISTED;
      entries = rows.slice(0, LISTED).map(row => models.folder(row.name));
    } else {
      const { bucket, key } = asFolder(place);
      const page = await this._storage.page(
        this._cluster,
        bucket,
        key + starts,
        { size: LISTED }
      );
      said = page;
      more = page.cursor !== null;
      entries = [
        ...page.folders.map(prefix =>
          models.folder(toPath({ bucket, key: prefix }))
        ),
        ...page.objects.map(row =>
          models.file(toPath({ bucket, key: row.key }), row)
        )
      ];
    }
    return { entries, said, more };
  }

  /** An object with its content in the form that is wanted. */
  async read(
    path: string,
    place: Place,
    options: Contents.IFetchOptions
  ): Promise<Contents.IModel> {
    const answer = await this._storage.read(
      this._cluster,
      place.bucket,
      place.key
    );
    const content = await answer.arrayBuffer();
    const modified = Date.parse(answer.headers.get('Last-Modified') ?? '');
    const row: ObjectRow = {
      key: place.key,
      size: content.byteLength,
      modified: modified / 1000,
      etag: ''
    };
    const model = models.file(path, row, options.type);
    return models.filled(model, content, options, this._trans);
  }

  /** A name that is free in a folder: with nothing after it, or with 1, 2, … */
  async free(
    bucket: string,
    folder: string,
    stem: string,
    extension: string,
    infix: string
  ): Promise<string> {
    for (let number = 0; ; number += 1) {
      const name = `${stem}${number ? infix + String(number) : ''}${extension}`;
      const page = await this._storage.page(
        this._cluster,
        bucket,
        folder + name,
        { size: 10 }
      );
      const key = folder + name;
      if (
        !page.folders.includes(`${key}/`) &&
        !page.objects.some(row => row.key === key)
      ) {
        return name;
      }
    }
  }

  /** Whether something lies under a key as its folder, and with `only` nothing under the key itself. */
  async isFolder(place: Place, only = false): Promise<boolean> {
    const { bucket, key } = place;
    const page = await this._storage.page(this._cluster, bucket, key, {
      size: 10
    });
    const isObject = page.objects.some(row => row.key === key);
    return page.folders.includes(`${key}/`) && !(only && isObject);
  }
}
