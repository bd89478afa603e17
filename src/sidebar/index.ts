import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IMovableSectionRegistry } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';

import { topic } from '../buckets/paths';
import { returnFocus } from '../focus';
import { oscarIcon } from '../icons';
import {
  CommandIDs,
  IOscarChannel,
  IOscarClient,
  IOscarModel
} from '../tokens';
import { IOscarDrives } from '../buckets/tokens';

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
  requires: [IOscarModel, IOscarClient],
  optional: [
    IOscarChannel,
    IOscarDrives,
    IFileBrowserFactory,
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
    client: IOscarClient,
    channel: IOscarChannel | null,
    drives: IOscarDrives | null,
    browsers: IFileBrowserFactory | null,
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
        trans,
        buckets:
          channel && drives && browsers
            ? {
                make: cluster => {
                  const drive = drives.drive(cluster);
                  const browser = browsers.createFileBrowser(drive.name, {
                    driveName: drive.name,
                    // It is told when something has changed.
                    auto: false,
                    refreshInterval: Private.NEVER
                  });
                  return { drive, browser };
                },
                drives,
                storage: () => client.storage(),
                topic,
                subscribe: (topic, tell) =>
                  channel.subscribe(topic, ({ data }) => {
                    if (data !== undefined) {
                      tell(data);
                    }
                  })
              }
            : undefined
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

namespace Private {
  /** Milliseconds of a day. */
  export const NEVER = 24 * 3600 * 1000;
}
