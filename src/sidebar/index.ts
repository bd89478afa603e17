import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IMovableSectionRegistry } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';

import { returnFocus } from '../focus';
import { oscarIcon } from '../icons';
import { CommandIDs, IOscarModel } from '../tokens';

/** The place of the sidebar; what stands in it is loaded when it is first opened. */
class Place extends Panel {
  constructor(private readonly _load: () => Promise<Widget>) {
    super();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._loading ??= this._fill();
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this._loading ??= this._fill();
    void this._loading.then(() => {
      this.widgets.at(0)?.activate();
    });
  }

  private async _fill(): Promise<void> {
    const widget = await this._load();
    if (this.isDisposed) {
      widget.dispose();
    } else {
      this.addWidget(widget);
    }
  }

  private _loading: Promise<void> | undefined;
}

export const sidebarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:sidebar',
  description: 'Adds the OSCAR sidebar.',
  autoStart: true,
  requires: [IOscarModel],
  optional: [
    ICommandPalette,
    ITranslator,
    ILayoutRestorer,
    IStateDB,
    // Undefined before Lab 4.6, which an optional token may be.
    IMovableSectionRegistry
  ],
  activate: (
    app: JupyterFrontEnd,
    model: IOscarModel,
    palette: ICommandPalette | null,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    state: IStateDB | null,
    movable: IMovableSectionRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_oscar');
    const place = new Place(async () => {
      const { Sidebar } = await import('./sidebar');
      const sidebar = new Sidebar({
        commands: app.commands,
        model,
        state,
        trans
      });
      if (movable) {
        sidebar.offer(movable);
      }
      return sidebar;
    });
    place.id = 'jupyter-oscar-sidebar';
    place.addClass('jp-OscarPlace');
    place.title.icon = oscarIcon;
    place.title.caption = trans.__('OSCAR');
    place.node.setAttribute('role', 'region');
    place.node.setAttribute('aria-label', trans.__('OSCAR'));
    app.shell.add(place, 'left', { rank: 600, type: 'OSCAR' });
    restorer?.add(place, place.id);

    app.commands.addCommand(CommandIDs.showSidebar, {
      label: trans.__('Show the OSCAR Sidebar'),
      caption: trans.__('Clusters, services and calls'),
      icon: oscarIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        app.shell.activateById(place.id);
      }
    });
    palette?.addItem({
      command: CommandIDs.showSidebar,
      category: trans.__('OSCAR')
    });
    returnFocus(app.contextMenu);
  }
};
