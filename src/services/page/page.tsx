import {
  Dialog,
  MainAreaWidget,
  ReactWidget,
  showDialog
} from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';
import * as React from 'react';

import { CallsPanel } from '../../jobs/page/calls';
import { LogPanel } from '../../jobs/page/log';
import { IOscarChannel, IOscarClient } from '../../tokens';
import { IDefinition, nameOf, readFdl, SCRIPT, scriptsOf } from '../fdl';
import { Call } from './call';
import { DefinitionPanel, EXAMPLES, TEMPLATE } from './definition';

import { Head } from './head';
import { ServiceModel, Tab, TABS } from './model';

/** What pages need of the application. */
export interface IPageOptions {
  client: IOscarClient;
  channel: IOscarChannel;
  commands: CommandRegistry;
  services: IEditorServices;
  contents: Contents.IManager;
  trans: TranslationBundle;
  /** Whether a cluster is a sandbox. */
  isSandbox: (cluster: string) => boolean;
  /** Open the page of a service. */
  open: (cluster: string, name: string) => void;
}

/** One service: what it is, a call, its calls, a log, its definition. */
export class ServicePage extends Panel {
  constructor(options: IPageOptions & { cluster: string; name: string }) {
    super();
    const { client, channel, commands, contents, trans, cluster, name } =
      options;
    this.addClass('jp-OscarPage');
    this.model = new ServiceModel(client, channel, cluster, name);
    const id = this._id;
    const head = ReactWidget.create(
      <Head model={this.model} commands={commands} trans={trans} id={id} />
    );
    head.addClass('jp-OscarPage-top');
    this.addWidget(head);
    const call = ReactWidget.create(
      <Call model={this.model} commands={commands} trans={trans} />
    );
    call.addClass('jp-OscarPage-call');
    this._definition = new DefinitionPanel({
      client,
      services: options.services,
      contents,
      cluster,
      fresh: false,
      sandbox: () =>
        this.model.detail?.without_image ?? options.isSandbox(cluster),
      trans
    });
    this._tabs = {
      call,
      calls: new CallsPanel({
        model: this.model,
        channel,
        commands,
        contents,
        trans
      }),
      log: new LogPanel({ model: this.model, channel, trans }),
      definition: this._definition
    };
    for (const tab of TABS) {
      const panel = this._tabs[tab];
      panel.id = `${id}-panel-${tab}`;
      panel.addClass('jp-OscarPage-panel');
      panel.node.setAttribute('role', 'tabpanel');
      panel.node.setAttribute('aria-labelledby', `${id}-tab-${tab}`);
      panel.setHidden(tab !== this.model.tab);
      this.addWidget(panel);
    }
    this.model.changed.connect(this._update, this);
    this._definition.draft.done.connect(this._onDeployed, this);
    void this.model.load();
  }

  readonly model: ServiceModel;

  get dirty(): boolean {
    return this._filled && this._definition.dirty;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.model.changed.disconnect(this._update, this);
      this._definition.draft.done.disconnect(this._onDeployed, this);
      super.dispose();
      this.model.dispose();
    }
  }

  protected override onAfterAttach(msg: Message): void {
    this.model.look(this.isVisible);
  }

  protected override onAfterShow(msg: Message): void {
    this.model.look(true);
  }

  protected override onAfterHide(msg: Message): void {
    this.model.look(false);
  }

  protected override onBeforeDetach(msg: Message): void {
    this.model.look(false);
  }

  protected override onActivateRequest(msg: Message): void {
    document.getElementById(`${this._id}-tab-${this.model.tab}`)?.focus();
  }

  private _update(): void {
    for (const tab of TABS) {
      this._tabs[tab].setHidden(tab !== this.model.tab);
    }
    const { detail } = this.model;
    if (detail && !this._filled) {
      this._filled = true;
      this._definition.draft.load({
        fdl: detail.fdl,
        scripts: { [SCRIPT]: detail.script }
      });
    }
  }

  private _onDeployed(): void {
    void this.model.load();
  }

  private readonly _id = Private.nextId();
  private readonly _tabs: Record<Tab, Widget>;
  private readonly _definition: DefinitionPanel;
  private _filled = false;
}

/** A page that asks before what was typed is closed away. */
export class DefinitionArea<
  T extends Widget & { dirty: boolean }
> extends MainAreaWidget<T> {
  constructor(
    options: MainAreaWidget.IOptions<T> & { trans: TranslationBundle }
  ) {
    super(options);
    this._trans = options.trans;
    this.addClass('jp-OscarArea');
    this.toolbar.hide();
  }

  protected override onCloseRequest(msg: Message): void {
    if (!this.content.dirty) {
      super.onCloseRequest(msg);
      return;
    }
    const trans = this._trans;
    void showDialog({
      title: trans.__('Close %1?', this.title.label),
      body: trans.__('Its definition was changed and not deployed.'),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Keep Editing') }),
        Dialog.warnButton({ label: trans.__('Discard the Changes') })
      ],
      defaultButton: 0
    }).then(({ button }) => {
      if (button.accept) {
        super.onCloseRequest(msg);
      }
    });
  }

  private readonly _trans: TranslationBundle;
}

/** The page of a service. */
export function servicePage(
  options: IPageOptions & { cluster: string; name: string }
): MainAreaWidget<ServicePage> {
  const content = new ServicePage(options);
  return new DefinitionArea({ content, trans: options.trans });
}

/** What the arguments of a command say one begins with: a file, texts, or an example by its name. */
export async function startOf(
  args: ReadonlyPartialJSONObject,
  contents: Contents.IManager
): Promise<IDefinition | string> {
  const { path, fdl, script, scripts, example } = args;
  if (typeof path === 'string') {
    return await readFdl(contents, path);
  }
  if (typeof fdl !== 'string') {
    return typeof example === 'string' ? example : '';
  }
  const given = { ...(scripts as Record<string, string> | undefined) };
  if (typeof script === 'string') {
    given[scriptsOf(fdl).at(0) ?? SCRIPT] = script;
  }
  const names = scriptsOf(fdl);
  return {
    fdl,
    scripts: Object.fromEntries(
      Object.entries(given).map(([file, text]) => [nameOf(file, names), text])
    )
  };
}

/** The page of services that are not there yet: it begins with a definition, an example or a template. */
export function newService(
  options: IPageOptions & {
    cluster: string;
    start: IDefinition | string;
  }
): MainAreaWidget<DefinitionPanel> {
  const { client, services, contents, cluster, start, trans } = options;
  const content = new DefinitionPanel({
    client,
    services,
    contents,
    cluster,
    fresh: true,
    sandbox: () => options.isSandbox(cluster),
    open: name => {
      options.open(cluster, name);
    },
    trans
  });
  content.draft.load(
    typeof start === 'string' ? (EXAMPLES[start] ?? TEMPLATE) : start
  );
  content.addClass('jp-mod-fresh');
  return new DefinitionArea({ content, trans });
}

namespace Private {
  let made = 0;

  /** An id that no other page has. */
  export function nextId(): string {
    return `jp-oscar-page-${made++}`;
  }
}
