import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import {
  ITranslator,
  nullTranslator,
  TranslationBundle
} from '@jupyterlab/translation';

import { CallInput, IOscarClient, OscarError } from './tokens';
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
  Problem,
  Reply,
  SandboxState,
  ServiceDetail,
  ServiceRow,
  SignIn
} from './types';

/** The routes of the server half, one method each; whatever fails is said in words. */
export class Client implements IOscarClient {
  constructor(options: Client.IOptions) {
    this._settings = options.serverSettings;
    this._trans = options.trans;
  }

  health(): Promise<Health> {
    return this._json(['health']);
  }

  sandbox(): Promise<SandboxState> {
    return this._json(['sandbox']);
  }

  startSandbox(): Promise<SandboxState> {
    return this._json(['sandbox'], 'POST');
  }

  async stopSandbox(): Promise<void> {
    await this._answer(['sandbox'], { method: 'DELETE' });
  }

  addCluster(cluster: NewCluster): Promise<ClusterRow> {
    return this._json(['clusters'], 'POST', cluster);
  }

  signIn(name: string, who: SignIn): Promise<ClusterRow> {
    return this._json(['clusters', name], 'PUT', who);
  }

  async signInOnDevice(
    said: DeviceSignIn,
    tell: (news: DeviceNews) => void,
    signal: AbortSignal
  ): Promise<ClusterRow> {
    const answer = await this._answer(['sign-in'], {
      method: 'POST',
      body: JSON.stringify(said),
      signal
    });
    let last: DeviceNews | undefined;
    await Private.lines(answer, line => {
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
        message: this._trans.__('The Jupyter server broke the sign-in off.'),
        hint: this._trans.__('Try again.'),
        upstream_status: null,
        line: null
      }
    );
  }

  async forget(name: string): Promise<void> {
    await this._answer(['clusters', name], { method: 'DELETE' });
  }

  confirmStorage(name: string, address: string): Promise<ClusterRow> {
    return this._json(['clusters', name, 'storage'], 'PUT', { address });
  }

  async diagnose(
    name: string,
    tell: (step: DiagnosisStep) => void,
    signal: AbortSignal
  ): Promise<void> {
    const answer = await this._answer(['clusters', name, 'diagnosis'], {
      signal
    });
    await Private.lines(answer, line => {
      tell(line as DiagnosisStep);
    });
  }

  service(cluster: string, name: string): Promise<ServiceDetail> {
    return this._json(['clusters', cluster, 'services', name]);
  }

  check(
    cluster: string,
    fdl: string,
    scripts: Record<string, string>
  ): Promise<Check> {
    return this._json(['clusters', cluster, 'check'], 'POST', { fdl, scripts });
  }

  plan(
    cluster: string,
    fdl: string,
    scripts: Record<string, string>
  ): Promise<Plan> {
    return this._json(['clusters', cluster, 'plan'], 'POST', { fdl, scripts });
  }

  deploy(
    cluster: string,
    fdl: string,
    scripts: Record<string, string>,
    update: boolean
  ): Promise<ServiceRow[]> {
    return this._json(['clusters', cluster, 'services'], 'POST', {
      fdl,
      scripts,
      update
    });
  }

  belongings(cluster: string, name: string): Promise<Belonging[]> {
    return this._json(['clusters', cluster, 'services', name, 'belongings']);
  }

  async remove(cluster: string, name: string): Promise<void> {
    await this._answer(['clusters', cluster, 'services', name], {
      method: 'DELETE'
    });
  }

  async address(cluster: string, name: string): Promise<string> {
    const reply = await this._json<Address>(
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
    return this._json(['clusters', cluster, 'services', name, verb], 'POST');
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
    return this._json(['clusters', cluster, 'calls', service, id]);
  }

  cancel(cluster: string, service: string, id: string): Promise<CallRow> {
    return this._json(
      ['clusters', cluster, 'calls', service, id, 'cancel'],
      'POST'
    );
  }

  retry(cluster: string, service: string, id: string): Promise<CallRow> {
    return this._json(
      ['clusters', cluster, 'calls', service, id, 'retry'],
      'POST'
    );
  }

  outputs(cluster: string, service: string, id: string): Promise<Output[]> {
    return this._json(['clusters', cluster, 'calls', service, id, 'outputs']);
  }

  async output(
    cluster: string,
    service: string,
    id: string,
    name: string
  ): Promise<Blob> {
    // An output's name may have folders in it: each is a segment.
    const path = ['clusters', cluster, 'calls', service, id, 'outputs'];
    const answer = await this._answer([...path, ...name.split('/')]);
    return await answer.blob();
  }

  private _call<T>(path: string[], input: CallInput): Promise<T> {
    if ('file' in input) {
      return this._answer([...path, input.file.name], {
        method: 'PUT',
        body: input.file
      }).then(answer => answer.json() as Promise<T>);
    }
    const said: Input = input;
    return this._json(path, 'POST', said);
  }

  private async _json<T>(
    path: string[],
    method = 'GET',
    body?: unknown
  ): Promise<T> {
    const init: RequestInit = { method };
    if (method !== 'GET') {
      init.body = JSON.stringify(body ?? {});
    }
    const answer = await this._answer(path, init);
    return (await answer.json()) as T;
  }

  private async _answer(
    path: string[],
    init: RequestInit = {}
  ): Promise<Response> {
    const url = URLExt.join(
      this._settings.baseUrl,
      'jupyter-oscar',
      ...path.map(encodeURIComponent)
    );
    let answer: Response;
    try {
      answer = await ServerConnection.makeRequest(url, init, this._settings);
    } catch (reason) {
      throw new OscarError({
        code: 'server-missing',
        message: this._trans.__('The Jupyter server does not answer.'),
        hint: reason instanceof Error ? reason.message : '',
        upstream_status: null,
        line: null
      });
    }
    if (!answer.ok) {
      throw new OscarError(await this._problem(answer, path[0]));
    }
    return answer;
  }

  private async _problem(answer: Response, noun: string): Promise<Problem> {
    const said: unknown = await answer.json().catch(() => null);
    if (Private.isProblem(said)) {
      return said;
    }
    const words = Private.message(said) || answer.statusText;
    const problem = { hint: '', upstream_status: null, line: null };
    if (answer.status === 404 && noun === 'health') {
      return {
        ...problem,
        code: 'server-missing',
        message: this._trans.__(
          'The Jupyter server does not have jupyter-oscar.'
        )
      };
    }
    if (answer.status === 401 || answer.status === 403) {
      return {
        ...problem,
        code: 'jupyter-refuses',
        message: this._trans.__('The Jupyter server does not let you do this.'),
        hint: words
      };
    }
    return {
      ...problem,
      code: 'failed',
      message: this._trans.__('The Jupyter server failed: %1', words)
    };
  }

  private readonly _settings: ServerConnection.ISettings;
  private readonly _trans: TranslationBundle;
}

export namespace Client {
  export interface IOptions {
    serverSettings: ServerConnection.ISettings;
    trans: TranslationBundle;
  }
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

namespace Private {
  /** Tell each line of an answer, which is JSON, as it comes. */
  export async function lines(
    answer: Response,
    tell: (line: unknown) => void
  ): Promise<void> {
    let rest = '';
    const reader = answer.body
      ?.pipeThrough(new TextDecoderStream())
      .getReader();
    for (;;) {
      const piece = await reader?.read();
      if (!piece || piece.done) {
        return;
      }
      const whole = (rest + piece.value).split('\n');
      rest = whole.pop() ?? '';
      for (const line of whole) {
        tell(JSON.parse(line));
      }
    }
  }

  export function isProblem(said: unknown): said is Problem {
    return (
      typeof said === 'object' &&
      said !== null &&
      typeof (said as Problem).code === 'string' &&
      typeof (said as Problem).message === 'string'
    );
  }

  /** What Jupyter Server's own errors say. */
  export function message(said: unknown): string {
    const found = (said as { message?: unknown } | null)?.message;
    return typeof found === 'string' ? found : '';
  }
}
