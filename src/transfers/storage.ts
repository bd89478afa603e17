import { Requests } from '../requests';
import {
  Arrived,
  Link,
  ObjectRow,
  PartLink,
  Unfinished,
  Upload
} from '../types';
import { codeOf } from './patience';
import { ask, failure, mixed, Reach, refusal } from './straight';
import { ITarget, ITransfer, IWhere } from './tokens';

/** The bytes of an object, from which on; its ETag, and by which way they come. */
export interface IComing {
  way: ITransfer.Way;
  etag: string;
  from: number;
  answer: Response;
}

/** The routes of what is sent and fetched by the page: objects, uploads in parts, links past the server. */
export class UploadStorage extends Requests {
  /** An object, if there is one. */
  async info(target: ITarget, key: string): Promise<ObjectRow | undefined> {
    try {
      return await this.json(Private.path(target, 'info'), 'GET', null, {
        key
      });
    } catch (reason) {
      if (codeOf(reason) === 'object-not-found') {
        return undefined;
      }
      throw reason;
    }
  }

  /** Send what is small at once. */
  async put(
    target: ITarget,
    key: string,
    body: Blob,
    signal?: AbortSignal
  ): Promise<ObjectRow> {
    const content = await body.arrayBuffer();
    const digest = await Private.digest(content);
    const init = { method: 'PUT', body: new Blob([content]), signal };
    const answer = await this.answer(
      Private.path(target, 'object'),
      { ...init, headers: Private.digested(digest) },
      { key }
    );
    return (await answer.json()) as ObjectRow;
  }

  /** Begin an object in parts, of `part` bytes each where that goes. */
  begin(
    target: ITarget,
    key: string,
    { size = 0, part }: { size?: number; part?: number } = {}
  ): Promise<Upload> {
    const query: Record<string, string> = { key, size: String(size) };
    if (part !== undefined) {
      query.part = String(part);
    }
    return this.json(Private.path(target, 'uploads'), 'POST', {}, query);
  }

  /** Where the browser saves an object from, through the server. */
  downloadUrl(target: ITarget, key: string): string {
    return this.linkTo(Private.path(target, 'object'), { key });
  }

  /**
   * Where the browser saves an object from past the server; undefined where the
   * storage does not answer this page, or not with something to be saved.
   */
  async straightUrl(target: ITarget, key: string): Promise<string | undefined> {
    const tried = await this._read(target, key);
    await tried?.answer.body?.cancel();
    const said = tried?.answer.headers.get('Content-Disposition');
    return said?.startsWith('attachment')
      ? (await this._getLink(target, key)).url
      : undefined;
  }

  /** An object, or what comes of it from a byte on, straight from the storage where it lets a page. */
  async read(
    target: ITarget,
    key: string,
    from: number,
    signal?: AbortSignal
  ): Promise<IComing> {
    const range = from > 0 ? `bytes=${from}-` : undefined;
    const straight = await this._read(target, key, range, signal);
    if (straight) {
      return straight;
    }
    const init: RequestInit = { cache: 'no-store', signal };
    const answer = await this.answer(
      Private.path(target, 'object'),
      range === undefined ? init : { ...init, headers: { Range: range } },
      { key }
    );
    const [etag, begins] = [Private.etag(answer), Private.begins(answer)];
    return { way: 'server', etag, from: begins, answer };
  }

  /** Where the browser saves a folder from, as one ZIP file. */
  archiveUrl(target: ITarget): string {
    const { prefix } = target;
    return this.linkTo(Private.path(target, 'archive'), { prefix });
  }

  /** What was begun below a prefix and neither finished nor given up. */
  unfinished(target: ITarget): Promise<Unfinished[]> {
    return this.json(Private.path(target, 'uploads'), 'GET', null, {
      prefix: target.prefix
    });
  }

  /** The parts that the storage has; undefined where it knows no such upload. */
  async arrived({ target, key, id }: IWhere): Promise<Arrived[] | undefined> {
    try {
      const query = { key, id };
      return await this.json(
        Private.path(target, 'upload'),
        'GET',
        null,
        query
      );
    } catch (reason) {
      if (codeOf(reason) === 'object-not-found') {
        return undefined;
      }
      throw reason;
    }
  }

  /** Send a part, straight to the storage where it lets a page, else through the server; by which way. */
  async part(
    where: IWhere,
    number: number,
    part: Blob,
    signal?: AbortSignal
  ): Promise<ITransfer.Way> {
    // Read first: a file that cannot be read any more is told from a line that broke.
    const content = await part.arrayBuffer();
    const digest = await Private.digest(content);
    if (
      (await this._takes.of(where.target.cluster, () => this._try(where))) &&
      (await this._partStraight(where, number, content, digest, signal))
    ) {
      return 'straight';
    }
    const { target, key, id } = where;
    const init = { method: 'PUT', body: new Blob([content]), signal };
    try {
      await this.answer(
        Private.path(target, 'upload'),
        { ...init, headers: Private.digested(digest) },
        { key, id, number: String(number) }
      );
      return 'server';
    } catch (reason) {
      // Perhaps it was only away when it was tried.
      this._takes.forget(target.cluster);
      throw reason;
    }
  }

  /** Make the object of its parts, which must be all of `size` bytes. */
  finish({ target, key, id }: IWhere, size: number): Promise<ObjectRow> {
    return this.json(
      Private.path(target, 'upload', 'finish'),
      'POST',
      { size },
      { key, id }
    );
  }

  /** Leave nothing of it in the storage; also while the page is being left. */
  async giveUp({ target, key, id }: IWhere): Promise<void> {
    await this.answer(
      Private.path(target, 'upload'),
      { method: 'DELETE', keepalive: true },
      { key, id }
    );
  }

  /** The same past the server; undefined where that is not the way. */
  private async _read(
    target: ITarget,
    key: string,
    range?: string,
    signal?: AbortSignal
  ): Promise<IComing | undefined> {
    const { cluster } = target;
    // Reading changes nothing: it is its own trial.
    if (!(await this._gives.of(cluster, () => Promise.resolve(true)))) {
      return undefined;
    }
    const { url } = await this._getLink(target, key);
    const headers: HeadersInit = range === undefined ? {} : { Range: range };
    const answer = mixed(url)
      ? undefined
      : await ask(url, { headers }, signal).catch(() => undefined);
    signal?.throwIfAborted();
    if (answer?.ok) {
      const [etag, from] = [Private.etag(answer), Private.begins(answer)];
      if (etag && !Number.isNaN(from)) {
        return { way: 'straight', etag, from, answer };
      }
      await answer.body?.cancel(); // a page is not told what came
    } else if (answer) {
      const refused = await refusal(answer, this._trans);
      if (refused) {
        throw refused;
      }
    }
    this._gives.refuse(cluster);
    return undefined;
  }

  private _getLink(target: ITarget, key: string): Promise<Link> {
    return this.json(Private.path(target, 'link'), 'POST', {
      key,
      attachment: true
    });
  }

  /**
   * Whether the storage takes parts from this page: an empty one is sent for an
   * upload that there is not. It says so, if it was reached, and keeps nothing.
   */
  private async _try({ target, key }: IWhere): Promise<boolean> {
    const nothing = new ArrayBuffer(0);
    const digest = await Private.digest(nothing);
    const link = await this._link({ target, key, id: 'none' }, 1, digest);
    if (mixed(link.url)) {
      return false;
    }
    try {
      const answer = await ask(link.url, Private.sent(link, nothing));
      const refused = await refusal(answer, this._trans);
      return codeOf(refused) === 'object-not-found';
    } catch {
      return false;
    }
  }

  private _link(
    { target, key, id }: IWhere,
    number: number,
    sha256 = ''
  ): Promise<PartLink> {
    return this.json(
      Private.path(target, 'upload', 'link'),
      'POST',
      { number, sha256 },
      { key, id }
    );
  }

  private async _partStraight(
    where: IWhere,
    number: number,
    content: ArrayBuffer,
    digest: string | undefined,
    signal?: AbortSignal
  ): Promise<boolean> {
    const { cluster } = where.target;
    const link = await this._link(where, number, digest);
    let answer: Response;
    try {
      const init = Private.sent(link, content);
      answer = await fetch(link.url, { ...init, credentials: 'omit', signal });
    } catch (reason) {
      if (signal?.aborted) {
        throw reason;
      }
      this._takes.forget(cluster);
      throw failure(
        'storage-failed',
        this._trans.__('The storage does not answer.'),
        this._trans.__('It may be restarting.')
      );
    }
    if (answer.ok) {
      return true;
    }
    const refused = await refusal(answer, this._trans);
    if (refused) {
      throw refused;
    }
    // It does not understand such requests: the server does.
    this._takes.refuse(cluster);
    return false;
  }

  private readonly _takes = new Reach();
  private readonly _gives = new Reach();
}

namespace Private {
  export function path(
    { cluster, bucket }: ITarget,
    ...what: string[]
  ): string[] {
    return ['clusters', cluster, 'buckets', bucket, ...what];
  }

  /** SHA-256 in base64; undefined where the page may not make one, as over plain http. */
  export async function digest(
    content: ArrayBuffer
  ): Promise<string | undefined> {
    const subtle = (crypto as Partial<Crypto>).subtle;
    if (!subtle) {
      return undefined;
    }
    const found = await subtle.digest('SHA-256', content);
    return btoa(String.fromCharCode(...new Uint8Array(found)));
  }

  export function digested(digest: string | undefined): Record<string, string> {
    return digest === undefined
      ? {}
      : { 'Content-Digest': `sha-256=:${digest}:` };
  }

  export function sent(link: PartLink, body: ArrayBuffer): RequestInit {
    return { method: 'PUT', body: new Blob([body]), headers: link.headers };
  }

  export function etag(answer: Response): string {
    return answer.headers.get('ETag')?.replaceAll('"', '') ?? '';
  }

  /** The byte that an answer begins with; not a number where that is not told. */
  export function begins(answer: Response): number {
    const range = /^bytes (\d+)-/.exec(
      answer.headers.get('Content-Range') ?? ''
    );
    return answer.status === 206 ? Number(range?.[1] ?? NaN) : 0;
  }
}
