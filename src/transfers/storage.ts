import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

import { OscarError } from '../tokens';
import {
  Arrived,
  ObjectRow,
  PartLink,
  Problem,
  Unfinished,
  Upload
} from '../types';
import { ITarget } from './tokens';

/** An object that is to be, and the id of its upload. */
export interface IWhere {
  target: ITarget;
  key: string;
  id: string;
}

/** What uploads ask of the server half. */
export class UploadStorage {
  constructor(
    private readonly _settings: ServerConnection.ISettings,
    private readonly _trans: TranslationBundle
  ) {}

  async info(target: ITarget, key: string): Promise<ObjectRow | undefined> {
    try {
      return await this._json(target, 'info', { key });
    } catch (reason) {
      if (
        reason instanceof OscarError &&
        reason.problem.code === 'object-not-found'
      ) {
        return undefined;
      }
      throw reason;
    }
  }

  async put(
    target: ITarget,
    key: string,
    body: Blob,
    signal: AbortSignal
  ): Promise<void> {
    await this._answer(
      target,
      'object',
      { key },
      { method: 'PUT', body, signal }
    );
  }

  begin(target: ITarget, key: string, size: number): Promise<Upload> {
    const query = { key, size: String(size) };
    return this._json(target, 'uploads', query, { method: 'POST' });
  }

  unfinished(target: ITarget, prefix: string): Promise<Unfinished[]> {
    return this._json(target, 'uploads', { prefix });
  }

  arrived({ target, key, id }: IWhere): Promise<Arrived[]> {
    return this._json(target, 'upload', { key, id });
  }

  /** Send a part: straight to the storage where a page may, else through the server. */
  async part(
    where: IWhere,
    number: number,
    part: Blob,
    signal: AbortSignal
  ): Promise<void> {
    const { target, key, id } = where;
    if (this._straight.get(target.cluster) !== false) {
      if (await this._partStraight(where, number, part, signal)) {
        return;
      }
      // Not tried again for each part: most storages are not for pages.
      this._straight.set(target.cluster, false);
    }
    const headers: Record<string, string> = {};
    const digest = await Private.digest(part);
    if (digest !== undefined) {
      headers['Content-Digest'] = `sha-256=:${digest}:`;
    }
    const query = { key, id, number: String(number) };
    const init = { method: 'PUT', body: part, headers, signal };
    await this._answer(target, 'upload', query, init);
  }

  async finish({ target, key, id }: IWhere, size: number): Promise<void> {
    const body = JSON.stringify({ size });
    const init = { method: 'POST', body };
    await this._answer(target, 'upload/finish', { key, id }, init);
  }

  async giveUp({ target, key, id }: IWhere): Promise<void> {
    await this._answer(target, 'upload', { key, id }, { method: 'DELETE' });
  }

  private async _partStraight(
    { target, key, id }: IWhere,
    number: number,
    part: Blob,
    signal: AbortSignal
  ): Promise<boolean> {
    const { url } = await this._json<PartLink>(
      target,
      'upload/link',
      { key, id },
      { method: 'POST', body: JSON.stringify({ number }) }
    );
    if (location.protocol === 'https:' && url.startsWith('http:')) {
      return false; // a browser does not let such a page
    }
    try {
      const init: RequestInit = { method: 'PUT', body: part, signal };
      const answer = await fetch(url, { ...init, credentials: 'omit' });
      return answer.ok;
    } catch (reason) {
      if (signal.aborted) {
        throw reason;
      }
      return false;
    }
  }

  private async _json<T>(
    target: ITarget,
    what: string,
    query: Record<string, string>,
    init: RequestInit = {}
  ): Promise<T> {
    const answer = await this._answer(target, what, query, init);
    return (await answer.json()) as T;
  }

  private async _answer(
    target: ITarget,
    what: string,
    query: Record<string, string>,
    init: RequestInit
  ): Promise<Response> {
    const { cluster, bucket } = target;
    const path = ['clusters', cluster, 'buckets', bucket].map(
      encodeURIComponent
    );
    const url =
      URLExt.join(this._settings.baseUrl, 'jupyter-oscar', ...path, what) +
      URLExt.objectToQueryString(query);
    const answer = await ServerConnection.makeRequest(
      url,
      init.method === 'POST' && !init.body ? { ...init, body: '{}' } : init,
      this._settings
    );
    if (!answer.ok) {
      throw new OscarError(await this._problem(answer));
    }
    return answer;
  }

  private async _problem(answer: Response): Promise<Problem> {
    const said = (await answer.json().catch(() => null)) as Problem | null;
    if (said && typeof said.code === 'string') {
      return said;
    }
    const tooLarge = answer.status === Private.TOO_LARGE;
    return {
      code: 'failed',
      message: tooLarge
        ? this._trans.__(
            'Something between this page and the Jupyter server takes no requests of 8 MB.'
          )
        : this._trans.__(
            'The Jupyter server refuses: %1',
            answer.statusText || String(answer.status)
          ),
      hint: tooLarge
        ? this._trans.__(
            'Ask who runs it to let bodies of 16 MB pass, or use `jupyter oscar bucket put`.'
          )
        : '',
      upstream_status: null,
      line: null
    };
  }

  private readonly _straight = new Map<string, boolean>();
}

namespace Private {
  export const TOO_LARGE = 413;

  /** SHA-256 in base64; undefined where the page may not make one, as over plain http. */
  export async function digest(part: Blob): Promise<string | undefined> {
    const subtle = (crypto as Partial<Crypto>).subtle;
    if (!subtle) {
      return undefined;
    }
    const found = await subtle.digest('SHA-256', await part.arrayBuffer());
    return btoa(String.fromCharCode(...new Uint8Array(found)));
  }
}
