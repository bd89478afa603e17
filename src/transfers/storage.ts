import { Requests } from '../requests';
import { OscarError } from '../tokens';
import { Arrived, ObjectRow, PartLink, Unfinished, Upload } from '../types';
import { ITarget } from './tokens';

/** An object that is to be, and the id of its upload. */
export interface IWhere {
  target: ITarget;
  key: string;
  id: string;
}

/** What uploads ask of the server half. */
export class UploadStorage extends Requests {
  async info(target: ITarget, key: string): Promise<ObjectRow | undefined> {
    try {
      return await this.json(Private.path(target, 'info'), 'GET', null, {
        key
      });
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
    await this.answer(
      Private.path(target, 'object'),
      { method: 'PUT', body, signal },
      { key }
    );
  }

  begin(target: ITarget, key: string, size: number): Promise<Upload> {
    const query = { key, size: String(size) };
    return this.json(Private.path(target, 'uploads'), 'POST', {}, query);
  }

  unfinished(target: ITarget, prefix: string): Promise<Unfinished[]> {
    return this.json(Private.path(target, 'uploads'), 'GET', null, { prefix });
  }

  arrived({ target, key, id }: IWhere): Promise<Arrived[]> {
    return this.json(Private.path(target, 'upload'), 'GET', null, { key, id });
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
    await this.answer(Private.path(target, 'upload'), init, query);
  }

  async finish({ target, key, id }: IWhere, size: number): Promise<void> {
    await this.answer(
      Private.path(target, 'upload', 'finish'),
      { method: 'POST', body: JSON.stringify({ size }) },
      { key, id }
    );
  }

  async giveUp({ target, key, id }: IWhere): Promise<void> {
    await this.answer(
      Private.path(target, 'upload'),
      { method: 'DELETE' },
      { key, id }
    );
  }

  private async _partStraight(
    { target, key, id }: IWhere,
    number: number,
    part: Blob,
    signal: AbortSignal
  ): Promise<boolean> {
    const { url } = await this.json<PartLink>(
      Private.path(target, 'upload', 'link'),
      'POST',
      { number },
      { key, id }
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

  private readonly _straight = new Map<string, boolean>();
}

namespace Private {
  export function path(
    { cluster, bucket }: ITarget,
    ...what: string[]
  ): string[] {
    return ['clusters', cluster, 'buckets', bucket, ...what];
  }

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
