import { Token } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal } from '@lumino/signaling';

import type { IStorage } from './buckets/tokens';
import {
  Belonging,
  CallRow,
  Check,
  ClusterRow,
  FlowRow,
  DeviceNews,
  DeviceSignIn,
  DiagnosisStep,
  Health,
  NewCluster,
  Output,
  Plan,
  Problem,
  Reply,
  SandboxState,
  ServiceDetail,
  ServiceRow,
  SignIn
} from './types';

/** What a person gives to a service: one of the four. */
export type CallInput =
  | { text: string; name?: string }
  | { json: unknown; name?: string }
  | { object: string }
  | { file: File };

/** An error of our server half or on the way to it, in words. */
export class OscarError extends Error {
  constructor(
    readonly problem: Problem,
    /** What came, if anything did; core looks at its status. */
    readonly response?: Response
  ) {
    super(problem.message);
  }
}

/** The typed operations of the server half; every failure is an OscarError. */
export interface IOscarClient {
  /** What is done with buckets and objects. */
  storage(): Promise<IStorage>;
  health(): Promise<Health>;
  sandbox(): Promise<SandboxState>;
  startSandbox(): Promise<SandboxState>;
  stopSandbox(): Promise<void>;
  addCluster(cluster: NewCluster): Promise<ClusterRow>;
  signIn(name: string, who: SignIn): Promise<ClusterRow>;
  /** Sign in with an identity provider: tells a code, and gives the cluster once it was agreed to. */
  signInOnDevice(
    said: DeviceSignIn,
    tell: (news: DeviceNews) => void,
    signal: AbortSignal
  ): Promise<ClusterRow>;
  forget(name: string): Promise<void>;
  /** Say that a cluster's storage is right where the person was told that it is. */
  confirmStorage(name: string, address: string): Promise<ClusterRow>;
  /** Why a cluster does not answer, step by step, until all is told or the signal says stop. */
  diagnose(
    name: string,
    tell: (step: DiagnosisStep) => void,
    signal: AbortSignal
  ): Promise<void>;
  service(cluster: string, name: string): Promise<ServiceDetail>;
  check(
    cluster: string,
    fdl: string,
    scripts: Record<string, string>
  ): Promise<Check>;
  plan(
    cluster: string,
    fdl: string,
    scripts: Record<string, string>
  ): Promise<Plan>;
  deploy(
    cluster: string,
    fdl: string,
    scripts: Record<string, string>,
    update: boolean
  ): Promise<ServiceRow[]>;
  belongings(cluster: string, name: string): Promise<Belonging[]>;
  /** Copy what deleting a service would destroy into another bucket. */
  keep(cluster: string, name: string, into: string): Promise<Belonging[]>;
  remove(cluster: string, name: string): Promise<void>;
  /** A link that opens an exposed service, good for one visit at once. */
  address(cluster: string, name: string): Promise<string>;
  lifecycle(
    cluster: string,
    name: string,
    verb: 'start' | 'stop' | 'restart'
  ): Promise<ServiceRow>;
  submit(cluster: string, service: string, input: CallInput): Promise<CallRow>;
  run(cluster: string, service: string, input: CallInput): Promise<Reply>;
  call(cluster: string, service: string, id: string): Promise<CallRow>;
  cancel(cluster: string, service: string, id: string): Promise<CallRow>;
  retry(cluster: string, service: string, id: string): Promise<CallRow>;
  outputs(cluster: string, service: string, id: string): Promise<Output[]>;
  output(
    cluster: string,
    service: string,
    id: string,
    name: string
  ): Promise<Blob>;
}

/** One thing said of a topic: data with its cursor, or a problem. */
export interface INews<T> {
  cursor?: string;
  data?: T;
  problem?: Problem;
}

/**
 * The one channel to the server half: a WebSocket while the tab is visible and
 * somebody listens, long polling where sockets are blocked. It reconnects with
 * back-off and resumes by cursor; listeners notice nothing but a pause.
 */
export interface IOscarChannel {
  /**
   * Listen to a topic until the result is disposed. A log comes piece by piece
   * and has one listener; of the other topics each hears the whole.
   */
  subscribe<T>(topic: string, tell: (news: INews<T>) => void): IDisposable;
  /** Have a topic looked at now. */
  refresh(topic: string): void;
  /** Whether news arrive at the moment; false while it reconnects. */
  readonly connected: boolean;
  readonly connectedChanged: ISignal<IOscarChannel, boolean>;
}

/** A list that is kept current while somebody looks at it. */
export interface ILive<T> {
  /** Undefined until it first came. */
  readonly rows: readonly T[] | undefined;
  /** What is wrong now, if anything; rows are then the last that came. */
  readonly problem: Problem | undefined;
  /** Since when something is wrong, in milliseconds: how old the rows are. */
  readonly since: number | undefined;
  readonly changed: ISignal<ILive<T>, void>;
  refresh(): void;
}

/** What the panels show; asks for nothing that nobody looks at. */
export interface IOscarModel {
  /** What the server half is, or why there is none. */
  readonly health: Health | undefined;
  readonly healthProblem: Problem | undefined;
  readonly clusters: ILive<ClusterRow>;
  /** The services and calls of the current cluster. */
  readonly services: ILive<ServiceRow>;
  readonly calls: ILive<CallRow>;
  /** The dataflows of every NiFi that is known. */
  readonly flows: ILive<FlowRow>;
  /** The name of the current cluster; remembered between sessions. */
  current: string | undefined;
  /** Its row, once the clusters are known. */
  readonly currentRow: ClusterRow | undefined;
  /** What commands without arguments are about. */
  readonly selectedService: string | undefined;
  readonly selectedCall: { service: string; id: string } | undefined;
  readonly selectionChanged: ISignal<IOscarModel, void>;
  /** Select a service, or with an id a call of it. */
  select(what: { service: string; id?: string }): void;
  readonly changed: ISignal<IOscarModel, void>;
  /** Somebody looks from now until the result is disposed. */
  look(): IDisposable;
  /** Ask the server half again whether it is there. */
  retry(): Promise<void>;
}

export const IOscarClient = new Token<IOscarClient>(
  'jupyter-oscar:IOscarClient',
  'The typed operations of the OSCAR server half.'
);

export const IOscarChannel = new Token<IOscarChannel>(
  'jupyter-oscar:IOscarChannel',
  'News of clusters, services, calls and logs over one channel.'
);

export const IOscarModel = new Token<IOscarModel>(
  'jupyter-oscar:IOscarModel',
  'What the OSCAR panels show, kept current while somebody looks.'
);

/** Whether a file may be an FDL, by its name. */
export function isFdl(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}

/** The states that a call goes on from. */
export const GOING: readonly string[] = ['queued', 'pending', 'running'];

/** Command ids; each is described where it is registered. */
export namespace CommandIDs {
  export const openService = 'jupyter-oscar:open-service';
  export const showSidebar = 'jupyter-oscar:show-sidebar';
  export const openTable = 'jupyter-oscar:open-table';
  export const openLog = 'jupyter-oscar:open-log';
  export const deploy = 'jupyter-oscar:deploy-service';
  export const deployFile = 'jupyter-oscar:deploy-file';
  export const editService = 'jupyter-oscar:edit-service';
  export const callService = 'jupyter-oscar:call-service';
  export const deleteService = 'jupyter-oscar:delete-service';
  export const startService = 'jupyter-oscar:start-service';
  export const stopService = 'jupyter-oscar:stop-service';
  export const restartService = 'jupyter-oscar:restart-service';
  export const openExposed = 'jupyter-oscar:open-exposed';
  export const insertCell = 'jupyter-oscar:insert-cell';
  export const cancelCall = 'jupyter-oscar:cancel-call';
  export const retryCall = 'jupyter-oscar:retry-call';
  export const addCluster = 'jupyter-oscar:add-cluster';
  export const signIn = 'jupyter-oscar:sign-in';
  export const forgetCluster = 'jupyter-oscar:forget-cluster';
  export const selectCluster = 'jupyter-oscar:select-cluster';
  export const confirmStorage = 'jupyter-oscar:confirm-storage';
  export const diagnose = 'jupyter-oscar:diagnose';
  export const startSandbox = 'jupyter-oscar:start-sandbox';
  export const stopSandbox = 'jupyter-oscar:stop-sandbox';
  export const refresh = 'jupyter-oscar:refresh';
}
