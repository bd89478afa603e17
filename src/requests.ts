import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

import { OscarError } from './tokens';
import { Problem } from './types';

/** How our routes are asked; whatever fails is said in words. */
export class Requests {
  constructor(options: Requests.IOptions) {
    this._settings = options.serverSettings;
    this._trans = options.trans;
  }

  protected async json<T>(
    path: string[],
    method = 'GET',
    body?: unknown,
    query: Record<string, string> = {}
  ): Promise<T> {
    const init: RequestInit = { method };
    if (method !== 'GET') {
      init.body = JSON.stringify(body ?? {});
    }
    const answer = await this.answer(path, init, query);
    return (await answer.json()) as T;
  }

  /** The address of a route. */
  protected url(path: string[], query: Record<string, string> = {}): string {
    const url = URLExt.join(
      this._settings.baseUrl,
      'jupyter-oscar',
      ...path.map(encodeURIComponent)
    );
    const asked = URLExt.objectToQueryString(query);
    return asked === '?' ? url : url + asked;
  }

  /** The address of a route for a link, which carries no header: the server wants this of one who has its cookie only. */
  protected linkTo(path: string[], query: Record<string, string>): string {
    const cookie = /(?:^|; )_xsrf=([^;]*)/g;
    const xsrf = [...document.cookie.matchAll(cookie)].at(-1)?.[1];
    return this.url(path, {
      ...query,
      ...(xsrf ? { _xsrf: decodeURIComponent(xsrf) } : {})
    });
  }

  /** What a path below our routes, with a query, answers. */
  protected async answer(
    path: string[],
    init: RequestInit = {},
    query: Record<string, string> = {}
  ): Promise<Response> {
    const url = this.url(path, query);
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
      throw new OscarError(await this._problem(answer, path[0]), answer);
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
    if (answer.status === 413) {
      return {
        ...problem,
        code: 'too-large',
        message: this._trans.__(
          'Something between this page and the Jupyter server does not let so much through at once.'
        ),
        hint: this._trans.__(
          'Its operator sets how large a request may be (in nginx: client_max_body_size).'
        )
      };
    }
    return {
      ...problem,
      code: 'failed',
      message: this._trans.__('The Jupyter server failed: %1', words)
    };
  }

  private readonly _settings: ServerConnection.ISettings;
  protected readonly _trans: TranslationBundle;
}

export namespace Requests {
  export interface IOptions {
    serverSettings: ServerConnection.ISettings;
    trans: TranslationBundle;
  }
}

/** Tell each line of an answer, which is JSON, as it comes. */
export async function lines(
  answer: Response,
  tell: (line: unknown) => void
): Promise<void> {
  let rest = '';
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
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

namespace Private {
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
