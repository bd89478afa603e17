import { Place } from '../types';

/**
 * How a key of a bucket becomes a path of the contents API and back. Paths are
 * mended everywhere ("a//b", "a/../b"), keys mean what they say: a part of a key
 * that would be mended is marked.
 */
const MARK = '\u2205';

function marked(part: string): string {
  return part === '' || part === '.' || part === '..' || part.startsWith(MARK)
    ? MARK + part
    : part;
}

function unmarked(part: string): string {
  return part.startsWith(MARK) ? part.slice(MARK.length) : part;
}

/** The path of an object, or with a slash at the end of its key of a folder. */
export function toPath({ bucket, key }: Place): string {
  const parts = (key.endsWith('/') ? key.slice(0, -1) : key).split('/');
  return [bucket, ...(key === '' ? [] : parts.map(marked))].join('/');
}

/** The object at a path; none for the root, a bucket has an empty key. */
export function toPlace(path: string): Place | undefined {
  const [bucket, ...parts] = path.replace(/^\/+|\/+$/g, '').split('/');
  return bucket ? { bucket, key: parts.map(unmarked).join('/') } : undefined;
}

/** The same place as a folder: its key ends in a slash, a bucket's stays empty. */
export function asFolder({ bucket, key }: Place): Place {
  return { bucket, key: key && !key.endsWith('/') ? `${key}/` : key };
}

/** The last part of a key as a name of a path. */
export function nameOf(key: string): string {
  const parts = (key.endsWith('/') ? key.slice(0, -1) : key).split('/');
  return marked(parts[parts.length - 1]);
}

/** How cells, command lines and other programs call it. */
export function s3Url({ bucket, key }: Place): string {
  return `s3://${bucket}/${key}`;
}

/** The name of a cluster's drive; nothing in it may end the name of a drive in a path. */
export function driveName(cluster: string): string {
  return `oscar-${encodeURIComponent(cluster).replace(/%/g, '~')}`;
}

/** The topic of what is in a folder; at the root the buckets. */
export function topic(cluster: string, path: string): string {
  const place = toPlace(path);
  if (!place) {
    return `buckets/${cluster}`;
  }
  const { bucket, key } = asFolder(place);
  return `folder/${cluster}/${encodeURIComponent(`${bucket}/${key}`)}`;
}

/** A place as a person reads it. */
export function placeName({ bucket, key }: Place): string {
  return key ? `${bucket}/${key}` : bucket;
}
