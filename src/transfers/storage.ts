import { Requests } from '../requests';
import { OscarError } from '../tokens';
import { Arrived, ObjectRow, PartLink, Unfinished, Upload } from '../types';
import { ITarget, ITransfer, IWhere } from './tokens';

/** Milliseconds that a storage has to answer a page before it counts as out of its reach. */
const REACHED = 5000;

/** The routes of uploads in parts, for all that is sent from the page. */
export class UploadStorage extends Requests {
  /** An object, if there is one. */
  async info(target: ITarget, key: string): Promise<ObjectRow | undefined> {
    try {
      return await this.json(Private.path(target, 'info'), 'GET', null, {
        key
      });
    } catch (reason) {
      if (Private.isGone(reason)) {
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

  /** Where the browser saves an object from. */
  downloadUrl(target: ITarget, key: string): string {
    return this.linkTo(Private.path(target, 'object'), { key });
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
      if (Private.isGone(reason)) {
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
      (await this._reached(where, number)) &&
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
      this._reach.delete(target.cluster);
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

  /**
   * Whether the storage takes parts from this page: an empty one is tried, which
   * the part itself then replaces. Asked once for each cluster.
   */
  private _reached(where: IWhere, number: number): Promise<boolean> {
    const { cluster } = where.target;
    let asked = this._reach.get(cluster);
    if (!asked) {
      asked = this._try(where, number);
      this._reach.set(cluster, asked);
      asked.catch(() => this._reach.delete(cluster));
    }
    return asked;
  }

  private async _try(where: IWhere, number: number): Promise<boolean> {
    const nothing = new ArrayBuffer(0);
    const link = await this._link(where, number, await Private.digest(nothing));
    if (Private.mixed(link.url)) {
      return false;
    }
    try {
      const answer = await fetch(link.url, {
        ...Private.straight(link, nothing),
        signal: AbortSignal.timeout(REACHED)
      });
      return answer.ok;
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
    const link = await this._link(where, number, digest);
    let answer: Response;
    try {
      answer = await fetch(link.url, {
        ...Private.straight(link, content),
        signal
      });
    } catch (reason) {
      if (signal?.aborted) {
        throw reason;
      }
      this._reach.delete(where.target.cluster);
      throw Private.failure(
        'storage-failed',
        'The storage does not answer.',
        'It may be restarting.'
      );
    }
    if (answer.ok) {
      return true;
    }
    const refusal = Private.refusal(await answer.text().catch(() => ''));
    if (refusal ?? Private.FAILED.includes(answer.status)) {
      throw (
        refusal ?? Private.failure('storage-failed', 'The storage failed.', '')
      );
    }
    // It does not understand such requests: the server does.
    this._reach.set(where.target.cluster, Promise.resolve(false));
    return false;
  }

  private readonly _reach = new Map<string, Promise<boolean>>();
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

  /** A browser lets no page that is encrypted ask what is not. */
  export function mixed(url: string): boolean {
    return location.protocol === 'https:' && url.startsWith('http:');
  }

  export function straight(link: PartLink, body: ArrayBuffer): RequestInit {
    const { headers } = link;
    return {
      method: 'PUT',
      body: new Blob([body]),
      headers,
      credentials: 'omit'
    };
  }

  export function isGone(reason: unknown): boolean {
    return (
      reason instanceof OscarError && reason.problem.code === 'object-not-found'
    );
  }

  export function failure(
    code: string,
    message: string,
    hint: string
  ): OscarError {
    const problem = { code, message, hint, upstream_status: null, line: null };
    return new OscarError(problem);
  }

  /** What passes by itself, what does not; as the server half has it. */
  const KINDS: Record<string, string> = {
    XMinioStorageFull: 'storage-full',
    XMinioAdminBucketQuotaExceeded: 'quota-exceeded',
    QuotaExceeded: 'quota-exceeded',
    NoSuchUpload: 'object-not-found',
    NoSuchBucket: 'bucket-not-found',
    AccessDenied: 'not-allowed'
  };

  /** What a storage says that restarts or is busy. */
  export const FAILED = [500, 502, 503, 504];

  /** What the storage itself says, in its own words, where that is final. */
  export function refusal(text: string): OscarError | undefined {
    const said = new DOMParser().parseFromString(text, 'application/xml');
    const word = (name: string): string =>
      said.querySelector(name)?.textContent ?? '';
    const code = KINDS[word('Code')] as string | undefined;
    return code === undefined ? undefined : failure(code, word('Message'), '');
  }
}
