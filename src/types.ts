/*
 * Generated from jupyter_oscar/server by `jlpm types:generate`; edit the models
 * there. A check compares.
 */

/**
 * Where a browser finds an exposed service. Good for one visit at once: on a sandbox it lets whoever has it in.
 */
export interface Address {
  url: string;
}

/**
 * A part that has arrived.
 */
export interface Arrived {
  etag: string;
  number: number;
  size: number;
}

/**
 * A bucket that goes with a service, and what is in it; `more` says that counting stopped early.
 */
export interface Belonging {
  bucket: string;
  bytes: number;
  more: boolean;
  objects: number;
  others: string[];
}

/**
 * A bucket in the list. `visibility` is empty where it is the admin's own.
 *
 * `mine` says whether it is the caller's, who alone shares it; null where the cluster names no owner.
 *
 * `bytes` and `objects` are what the storage counted last, `quota` how many bytes it may hold; null where the
 * cluster does not say.
 */
export interface BucketRow {
  allowed_users: string[];
  bytes: number | null;
  mine: boolean | null;
  name: string;
  objects: number | null;
  owner: string;
  quota: number | null;
  service: string | null;
  visibility: string;
}

/**
 * A call in the list. `created` is in seconds since 1970, `seconds` how long its script ran.
 */
export interface CallRow {
  created: number;
  exit_code: number | null;
  id: string;
  lines: string;
  name: string;
  outputs: string[];
  seconds: number | null;
  service: string;
  size: number | null;
  state: string;
  tracked: boolean;
}

/**
 * What a person may do here: start a sandbox, connect to clusters of their own.
 */
export interface Capabilities {
  sandbox: boolean;
  user_clusters: boolean;
}

/**
 * What a deployment would do to one service: create or update, and the difference as a unified diff.
 */
export interface Change {
  action: string;
  diff: string;
  name: string;
}

/**
 * What is wrong with a definition, or nothing.
 */
export interface Check {
  names: string[];
  problems: Problem[];
}

/**
 * An error as a person reads it, with a stable `code` for programs.
 */
export interface Problem {
  code: string;
  hint: string;
  line: number | null;
  message: string;
  upstream_status: number | null;
}

/**
 * A cluster as the panel shows it; `expires_at` is in seconds since 1970.
 */
export interface ClusterRow {
  client_id: string | null;
  endpoint: string;
  expires_at: number | null;
  issuer: string | null;
  name: string;
  problem: Problem | null;
  removable: boolean;
  sandbox: string | null;
  source: string;
  state:
    'ok' | 'unreachable' | 'unauthorised' | 'expired' | 'refused' | 'failed';
  storage_problem: Problem | null;
  storage_to_confirm: string | null;
  user: string | null;
  version: string;
}

/**
 * What to copy or move, and to where: an object to a key, a folder to a folder.
 */
export interface Copy {
  move: boolean;
  source: Place;
  target: Place;
}

/**
 * Where something is; a key that ends in a slash is a folder and all that lies in it.
 */
export interface Place {
  bucket: string;
  key: string;
}

/**
 * An FDL and the scripts it names.
 */
export interface Definition {
  fdl: string;
  scripts: {
    [k: string]: string;
  };
}

/**
 * The same, to be carried out. `update` replaces services that exist.
 */
export interface Deployment {
  fdl: string;
  scripts: {
    [k: string]: string;
  };
  update?: boolean;
}

/**
 * How far it has come.
 *
 * `code` is to be typed at `page`, or `link` has it in it; both end at `ends`, in seconds since 1970.
 */
export interface DeviceNews {
  cluster: ClusterRow | null;
  code: string;
  ends: number;
  link: string | null;
  page: string;
  problem: Problem | null;
  state: 'waiting' | 'agreed' | 'done' | 'failed';
}

/**
 * Which cluster, a new one by its `endpoint`; and at which identity provider, where the operator names none.
 */
export interface DeviceSignIn {
  client_id?: string | null;
  endpoint?: string | null;
  issuer?: string | null;
  name: string;
  verify?: boolean;
}

/**
 * A part of the way to a cluster: what was seen of it, and what to do where it is broken.
 */
export interface DiagnosisStep {
  name: string;
  seen: string;
  state: 'ok' | 'bad' | 'skipped';
  todo: string;
}

/**
 * A dataflow in the list; without a `name`, a NiFi that cannot be asked, and why.
 *
 * `queued` counts events that wait, `dead` those of them that were refused for good. `canvas` is the NiFi's own
 * page for it. `warnings` are sentences: what is not valid, or keeps it from going on.
 */
export interface FlowRow {
  bridged: string[];
  canvas: string;
  dead: number;
  last_error: string;
  last_error_at: string;
  name: string;
  nifi: string;
  problem: Problem | null;
  queued: number;
  state: 'running' | 'stopped' | 'partly' | 'invalid' | 'waiting' | 'unknown';
  warnings: string[];
}

/**
 * How much lies in a folder; `more` says that counting stopped early.
 */
export interface FolderAmount {
  bytes: number;
  more: boolean;
  objects: number;
}

/**
 * A page of a folder: the prefixes of the folders in it, its objects, and how to ask for the next page.
 */
export interface FolderPage {
  cursor: string | null;
  folders: string[];
  objects: ObjectRow[];
}

/**
 * An object: size in bytes, `modified` in seconds since 1970, `etag` empty where the storage tells none.
 */
export interface ObjectRow {
  etag: string;
  key: string;
  modified: number;
  size: number;
}

/**
 * The server half's version, what it allows, and what is wrong with it.
 */
export interface Health {
  capabilities: Capabilities;
  problems: Problem[];
  version: string;
}

/**
 * A key that would do nothing, and why.
 */
export interface Ignored {
  key: string;
  service: string;
  why: string;
}

/**
 * The input of a call: one of the three. `object` is `bucket/key`.
 */
export interface Input {
  json?: unknown;
  name?: string | null;
  object?: string | null;
  text?: string | null;
}

/**
 * The bucket in which a copy of what a service's deletion would destroy is kept.
 */
export interface Keeping {
  into: string;
}

/**
 * A link with which anybody may read one object until `expires_at`, in seconds since 1970.
 */
export interface Link {
  expires_at: number;
  url: string;
}

/**
 * A folder that is a bucket, or a folder of one.
 *
 * `path` is where the file browser has it: empty where it is the server's own folder, null where it has it not.
 * `state`: `direct` is the sandbox's own folder, where what is written is in the bucket at once; `gone` ended
 * though nobody undid it, `ending` waits for its last files to be written back. `ours` may be undone from here.
 */
export interface MountedFolder {
  bucket: string;
  files: WaitingFile[];
  folder: string;
  ours: boolean;
  path: string | null;
  point: string;
  problem: Problem | null;
  read_only: boolean;
  state: 'mounted' | 'direct' | 'ending' | 'gone';
  waiting: number;
  watched_by: WatchedBy[];
}

/**
 * A file of a mounted folder that is not in the bucket yet; `errors` says that writing it failed before.
 */
export interface WaitingFile {
  errors: boolean;
  key: string;
  size: number;
}

/**
 * A service that a file starts, and what was seen after it landed.
 *
 * `output` is an object in `bucket` that is newer than the file, `newer` how many there are, `by_name` whether
 * it carries the file's name. Where none came `after` says for how many seconds. Of a folder only the service is
 * told, and the `folder` by which it watches: one around it, or one further down.
 */
export interface WatchedBy {
  after: number | null;
  bucket: string;
  by_name: boolean;
  folder: string;
  newer: number;
  output: ObjectRow | null;
  service: string;
}

/**
 * A bucket to be made.
 */
export interface NewBucket {
  allowed_users: string[];
  name: string;
  visibility: 'private' | 'restricted' | 'public';
}

/**
 * A cluster to know by a name.
 */
export interface NewCluster {
  endpoint: string;
  name: string;
  password?: string | null;
  token_file?: string | null;
  user?: string | null;
  verify?: boolean;
}

/**
 * A bucket, or a folder of it, to be mounted at a path of the file browser.
 */
export interface NewMount {
  bucket: string;
  folder?: string;
  path: string;
  read_only?: boolean;
}

/**
 * An output of a call and what kind of thing it looks like.
 */
export interface Output {
  kind: string;
  name: string;
  path: string;
  size: number;
}

/**
 * A part that was stored.
 */
export interface Part {
  etag: string;
}

/**
 * A link that takes one part, for ten minutes, and the headers that go with it.
 */
export interface PartLink {
  headers: {
    [k: string]: string;
  };
  url: string;
}

/**
 * A part for which a link is wanted; with `sha256` (base64) the storage takes no other bytes by it.
 */
export interface PartWish {
  number: number;
  sha256: string;
}

/**
 * What a deployment would do, what it would cost in words, and what OSCAR would ignore; or what is wrong.
 */
export interface Plan {
  changes: Change[];
  cost: string;
  ignored: Ignored[];
  problems: Problem[];
}

/**
 * How far a piece of work is, in objects; how it ended, or why it did not.
 */
export interface Progress {
  done: number;
  ended: boolean;
  problem: Problem | null;
}

/**
 * The answer of a synchronous call: `text`, or `data` in base64 where the service wrote a file.
 */
export interface Reply {
  data: string | null;
  kind: string;
  size: number;
  text: string | null;
}

/**
 * Whether the person's sandbox runs, and where.
 */
export interface SandboxState {
  data: string | null;
  endpoint: string | null;
  running: boolean;
}

/**
 * A service opened: its FDL and script as its author wrote them, and the input it says it takes. No secret.
 */
export interface ServiceDetail {
  cpu: string;
  fdl: string;
  image: string;
  input_schema: {
    [k: string]: unknown;
  } | null;
  inputs: string[];
  kind: string;
  memory: string;
  name: string;
  outputs: string[];
  owner: string;
  script: string;
  state: string;
  tracked: boolean;
  visibility: string;
  without_image: boolean;
}

/**
 * A service in the list. `state` is that of an exposed one, else empty.
 */
export interface ServiceRow {
  image: string;
  inputs: string[];
  kind: string;
  name: string;
  outputs: string[];
  owner: string;
  state: string;
  tracked: boolean;
  visibility: string;
}

/**
 * Who sees a bucket.
 */
export interface Sharing {
  allowed_users: string[];
  visibility: 'private' | 'restricted' | 'public';
}

/**
 * Who one is: user and password, or a file that holds a token.
 */
export interface SignIn {
  password?: string | null;
  token_file?: string | null;
  user?: string | null;
}

/**
 * The job that a file started, by the name the server has for it; null where it cannot be told.
 */
export interface StartedJob {
  job: string | null;
}

/**
 * Where the person was told that a cluster's storage is.
 */
export interface Storage {
  address: string;
}

/**
 * An upload that was begun and neither finished nor given up. `begun` is in seconds since 1970.
 */
export interface Unfinished {
  begun: number;
  id: string;
  key: string;
}

/**
 * An object that is sent in parts, each of `part_size` bytes but the last.
 */
export interface Upload {
  id: string;
  part_size: number;
}

/**
 * How large the object is that the parts which have arrived should make.
 */
export interface Whole {
  size: number;
}

/**
 * A link to be made, and for how many seconds it works; with `attachment` a browser saves what it leads to.
 */
export interface Wish {
  attachment: boolean;
  key: string;
  seconds: number;
}

/**
 * The folders of this server that are buckets of a cluster, its own first, and why none can be mounted here.
 */
export interface WorkingDirectory {
  cannot: Problem | null;
  mounts: MountedFolder[];
}
