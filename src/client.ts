import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { lines, Requests } from './requests';
import { CallInput, IOscarClient, OscarError } from './tokens';
import { IStorage } from './buckets/tokens';
import {
  Address,
  Belonging,
  CallRow,
  Check,
  ClusterRow,
  DeviceNews,
  DeviceSignIn,
  DiagnosisStep,
  Health,
  Input,
  NewCluster,
  Output,
  Plan,
  Reply,
  SandboxState,
  ServiceDetail,
  ServiceRow,
  SignIn
} from './types';

/** The routes of the server half, one method each; whatever fails is said in words. */
export class Client extends Requests implements IOscarClient {
  constructor(options: Requests.IOptions) {
    super(options);
    this._options = options;
  }

  storage(): Promise<IStorage> {
    this._storage ??= import('./buckets/storage').then(
      ({ Storage }) => new Storage(this._options)
    );
    return this._storage;
  }

  health(): Promise<Health> {
    return this.json(['health']);
  }

  sandbox(): Promise<SandboxState> {
    return this.json(['sandbox']);
  }

  startSandbox(): Promise<SandboxState> {
    return this.json(['sandbox'], 'POST');
  }

  async stopSandbox(): Promise<void> {
    await this.answer(['sandbox'], { method: 'DELETE' });
  }

  addCluster(cluster: NewCluster): Promise<ClusterRow> {
    return this.json(['clusters'], 'POST', cluster);
  }

  signIn(name: string, who: SignIn): Promise<ClusterRow> {
    return this.json(['clusters', name], 'PUT', who);
  }

  async signInOnDevice(
    said: DeviceSignIn,
    tell: (news: DeviceNews) => void,
    signal: AbortSignal
  ): Promise<ClusterRow> {
    const answer = await this.answer(['sign-in'], {
      method: 'POST',
      body: JSON.stringify(said),
      signal
    });
    let last: DeviceNews | undefined;
    await lines(answer, line => {
      const news = (last = line as DeviceNews);
      if (news.state === 'waiting' || news.state === 'agreed') {
        tell(news);
      }
    });
    if (last?.cluster) {
      return last.cluster;
    }
    throw new OscarError(
      last?.problem ?? {
        code: 'failed',
        message: this._options.trans.__(
          'The Jupyter server broke the sign-in off.'
        ),
        hint: this._options.trans.__('Try again.'),
        upstream_status: null,
        line: null
      }
    );
  }

  async forget(name: string): Promise<void> {
    await this.answer(['clusters', name], { method: 'DELETE' });
  }

  confirmStorage(name: string, address: string): Promise<ClusterRow> {
    return this.json(['clusters', name, 'storage'], 'PUT', { address });
  }

  async diagnose(
    name: string,
    tell: (step: DiagnosisStep) => void,
    signal: AbortSignal
  ): Promise<void> {
    const answer = await this.answer(['clusters', name, 'diagnosis'], {
      signal
    });
    await lines(answer, line => {
      tell(line as DiagnosisStep);
    });
  }

  service(cluster: string, name: string): Promise<ServiceDetail> {
    return this.json(['clusters', cluster, 'services', name]);
  }

  check(
    cluster: string,
    fdl: string,
    scripts: Record<string, string>
  ): Promise<Check> {
    return this.json(['clusters', cluster, 'check'], 'POST', { fdl, scripts });
  }

  plan(
    cluster: string,
    fdl: string,
    scripts: Record<string, string>
  ): Promise<Plan> {
    return this.json(['clusters', cluster, 'plan'], 'POST', { fdl, scripts });
  }

  deploy(
    cluster: string,
    fdl: string,
    scripts: Record<string, string>,
    update: boolean
  ): Promise<ServiceRow[]> {
    return this.json(['clusters', cluster, 'services'], 'POST', {
      fdl,
      scripts,
      update
    });
  }

  belongings(cluster: string, name: string): Promise<Belonging[]> {
    return this.json(['clusters', cluster, 'services', name, 'belongings']);
  }

  keep(cluster: string, name: string, into: string): Promise<Belonging[]> {
    return this.json(
      ['clusters', cluster, 'services', name, 'belongings'],
      'POST',
      { into }
    );
  }

  async remove(cluster: string, name: string): Promise<void> {
    await this.answer(['clusters', cluster, 'services', name], {
      method: 'DELETE'
    });
  }

  async address(cluster: string, name: string): Promise<string> {
    const reply = await this.json<Address>(
      ['clusters', cluster, 'services', name, 'open'],
      'POST'
    );
    return reply.url;
  }

  lifecycle(
    cluster: string,
    name: string,
    verb: 'start' | 'stop' | 'restart'
  ): Promise<ServiceRow> {
    return this.json(['clusters', cluster, 'services', name, verb], 'POST');
  }

  submit(cluster: string, service: string, input: CallInput): Promise<CallRow> {
    return this._call(
      ['clusters', cluster, 'services', service, 'calls'],
      input
    );
  }

  run(cluster: string, service: string, input: CallInput): Promise<Reply> {
    return this._call(['clusters', cluster, 'services', service, 'run'], input);
  }

  call(cluster: string, service: string, id: string): Promise<CallRow> {
    return this.json(['clusters', cluster, 'calls', service, id]);
  }

  cancel(cluster: string, service: string, id: string): Promise<CallRow> {
    return this.json(
      ['clusters', cluster, 'calls', service, id, 'cancel'],
      'POST'
    );
  }

  retry(cluster: string, service: string, id: string): Promise<CallRow> {
    return this.json(
      ['clusters', cluster, 'calls', service, id, 'retry'],
      'POST'
    );
  }

  outputs(cluster: string, service: string, id: string): Promise<Output[]> {
    return this.json(['clusters', cluster, 'calls', service, id, 'outputs']);
  }

  async output(
    cluster: string,
    service: string,
    id: string,
    name: string
  ): Promise<Blob> {
    // An output's name may have folders in it: each is a segment.
    const path = ['clusters', cluster, 'calls', service, id, 'outputs'];
    const answer = await this.answer([...path, ...name.split('/')]);
    return await answer.blob();
  }

  private _call<T>(path: string[], input: CallInput): Promise<T> {
    if ('file' in input) {
      return this.answer([...path, input.file.name], {
        method: 'PUT',
        body: input.file
      }).then(answer => answer.json() as Promise<T>);
    }
    const said: Input = input;
    return this.json(path, 'POST', said);
  }

  private readonly _options: Requests.IOptions;
  private _storage: Promise<IStorage> | undefined;
}

export const clientPlugin: JupyterFrontEndPlugin<IOscarClient> = {
  id: 'jupyter-oscar:client',
  description: 'Provides the typed operations of the OSCAR server half.',
  autoStart: true,
  provides: IOscarClient,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) =>
    new Client({
      serverSettings: app.serviceManager.serverSettings,
      trans: (translator ?? nullTranslator).load('jupyter_oscar')
    })
};
