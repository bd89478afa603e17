import { lines, Requests } from '../requests';
import { OscarError } from '../tokens';
import { UploadStorage } from '../transfers/storage';
import { IPageOptions, IStorage } from './tokens';
import {
  BucketRow,
  Copy,
  FolderAmount,
  FolderPage,
  Link,
  NewBucket,
  NewMount,
  ObjectRow,
  Place,
  Progress,
  Sharing,
  StartedJob,
  WatchedBy,
  WorkingDirectory
} from '../types';

/** The routes of buckets and objects. Keys go in queries and bodies: a browser would mend them in paths. */
export class Storage extends Requests implements IStorage {
  constructor(options: Requests.IOptions) {
    super(options);
    this.uploads = new UploadStorage(options);
  }

  readonly uploads: UploadStorage;

  buckets(cluster: string): Promise<BucketRow[]> {
    return this.json(['clusters', cluster, 'buckets']);
  }

  bucket(cluster: string, name: string): Promise<BucketRow> {
    return this.json(['clusters', cluster, 'buckets', name]);
  }

  make(cluster: string, bucket: NewBucket): Promise<BucketRow> {
    return this.json(['clusters', cluster, 'buckets'], 'POST', bucket);
  }

  share(cluster: string, name: string, sharing: Sharing): Promise<BucketRow> {
    return this.json(['clusters', cluster, 'buckets', name], 'PUT', sharing);
  }

  async remove(cluster: string, name: string): Promise<void> {
    await this.answer(['clusters', cluster, 'buckets', name], {
      method: 'DELETE'
    });
  }

  page(
    cluster: string,
    bucket: string,
    prefix: string,
    { cursor, size }: IPageOptions = {}
  ): Promise<FolderPage> {
    return this.json(Private.path(cluster, bucket, 'folder'), 'GET', null, {
      prefix,
      ...(cursor === undefined ? {} : { cursor }),
      ...(size === undefined ? {} : { size: String(size) })
    });
  }

  amount(
    cluster: string,
    bucket: string,
    prefix: string
  ): Promise<FolderAmount> {
    return this.json(Private.path(cluster, bucket, 'amount'), 'GET', null, {
      prefix
    });
  }

  async makeFolder(
    cluster: string,
    bucket: string,
    prefix: string
  ): Promise<void> {
    await this.answer(
      Private.path(cluster, bucket, 'folder'),
      { method: 'POST' },
      { prefix }
    );
  }

  async removeFolder(
    cluster: string,
    bucket: string,
    prefix: string,
    told?: (done: number) => void
  ): Promise<void> {
    const answer = await this.answer(
      Private.path(cluster, bucket, 'folder'),
      { method: 'DELETE' },
      { prefix }
    );
    await Private.follow(answer, told);
  }

  info(cluster: string, bucket: string, key: string): Promise<ObjectRow> {
    return this.json(Private.path(cluster, bucket, 'info'), 'GET', null, {
      key
    });
  }

  read(cluster: string, bucket: string, key: string): Promise<Response> {
    return this.answer(
      Private.path(cluster, bucket, 'object'),
      { cache: 'no-store' },
      { key }
    );
  }

  async write(
    cluster: string,
    bucket: string,
    key: string,
    content: BodyInit
  ): Promise<ObjectRow> {
    const answer = await this.answer(
      Private.path(cluster, bucket, 'object'),
      { method: 'PUT', body: content },
      { key }
    );
    return (await answer.json()) as ObjectRow;
  }

  async removeObject(
    cluster: string,
    bucket: string,
    key: string
  ): Promise<void> {
    await this.answer(
      Private.path(cluster, bucket, 'object'),
      { method: 'DELETE' },
      { key }
    );
  }

  async copy(
    cluster: string,
    source: Place,
    target: Place,
    {
      move = false,
      told
    }: { move?: boolean; told?: (done: number) => void } = {}
  ): Promise<void> {
    const said: Copy = { source, target, move };
    const answer = await this.answer(['clusters', cluster, 'copies'], {
      method: 'POST',
      body: JSON.stringify(said)
    });
    await Private.follow(answer, told);
  }

  link(
    cluster: string,
    bucket: string,
    key: string,
    seconds: number
  ): Promise<Link> {
    return this.json(Private.path(cluster, bucket, 'link'), 'POST', {
      key,
      seconds
    });
  }

  triggers(cluster: string, bucket: string, key: string): Promise<WatchedBy[]> {
    return this.json(Private.path(cluster, bucket, 'triggers'), 'GET', null, {
      key
    });
  }

  startedJob(
    cluster: string,
    bucket: string,
    key: string,
    service: string
  ): Promise<StartedJob> {
    const path = [...Private.path(cluster, bucket, 'triggers'), 'job'];
    return this.json(path, 'GET', null, { key, service });
  }

  workingDirectory(cluster: string): Promise<WorkingDirectory> {
    return this.json(['clusters', cluster, 'working-directory']);
  }

  mount(cluster: string, mount: NewMount): Promise<WorkingDirectory> {
    return this.json(['clusters', cluster, 'working-directory'], 'POST', mount);
  }

  async unmount(cluster: string, point: string): Promise<WorkingDirectory> {
    const answer = await this.answer(
      ['clusters', cluster, 'working-directory'],
      { method: 'DELETE' },
      { point }
    );
    return (await answer.json()) as WorkingDirectory;
  }
}

namespace Private {
  export function path(
    cluster: string,
    bucket: string,
    what: string
  ): string[] {
    return ['clusters', cluster, 'buckets', bucket, what];
  }

  /** Hear how far a piece of work is, until it has ended; fail as it does. */
  export async function follow(
    answer: Response,
    told?: (done: number) => void
  ): Promise<void> {
    const heard: { last?: Progress } = {};
    await lines(answer, line => {
      heard.last = line as Progress;
      told?.(heard.last.done);
    });
    if (heard.last?.problem) {
      throw new OscarError(heard.last.problem);
    }
    if (!heard.last?.ended) {
      throw new OscarError({
        code: 'broken-off',
        message: 'The Jupyter server hung up before the work had ended.',
        hint: 'Look again what is there.',
        upstream_status: null,
        line: null
      });
    }
  }
}
