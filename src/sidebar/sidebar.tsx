import { IStateDB } from '@jupyterlab/statedb';
import { TranslationBundle } from '@jupyterlab/translation';
import {
  addIcon,
  ReactWidget,
  refreshIcon,
  searchIcon,
  SidePanel,
  ToolbarButton
} from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { IDisposable } from '@lumino/disposable';
import { Message } from '@lumino/messaging';
import { AccordionPanel, Panel, Widget } from '@lumino/widgets';
import * as React from 'react';

import { ClusterSection } from '../clusters/section';
import { Announcer, CallsSection } from '../jobs/section';
import { Filter } from '../lists';
import { Section } from './section';
import { ServicesSection } from '../services/section';
import { CommandIDs, IOscarModel } from '../tokens';
import { isUsable, Welcome } from './welcome';

/** The sidebar "OSCAR": cluster, services, calls. It looks only while it is seen. */
export class Sidebar extends SidePanel {
  constructor(options: Sidebar.IOptions) {
    const { commands, model, trans } = options;
    super({ header: new Panel() });
    // What a side panel holds unless it is told otherwise.
    if (!(this.content instanceof AccordionPanel)) {
      throw new TypeError();
    }
    this._accordion = this.content;
    this._options = options;
    this.addClass('jp-OscarSidebar');

    const heading = new Widget({ node: document.createElement('h2') });
    heading.node.textContent = trans.__('OSCAR');
    heading.addClass('jp-OscarSidebar-title');
    const refresh = new ToolbarButton({
      icon: refreshIcon,
      tooltip: trans.__('Look again now'),
      onClick: () => {
        void commands.execute(CommandIDs.refresh);
      }
    });
    const bar = new Panel();
    bar.addClass('jp-OscarSidebar-bar');
    bar.addWidget(heading);
    bar.addWidget(refresh);
    this._welcome = ReactWidget.create(
      <Welcome commands={commands} model={model} trans={trans} />
    );
    this.header.addWidget(bar);
    this.header.addWidget(this._welcome);
    this.header.addWidget(
      ReactWidget.create(<Announcer model={model} trans={trans} />)
    );

    const services = new Filter();
    const calls = new Filter();
    const filterButton = (filter: Filter) => ({
      icon: searchIcon,
      label: trans.__('Filter (/)'),
      onClick: () => {
        if (filter.shown) {
          filter.hide();
        } else {
          filter.show();
        }
      }
    });
    const section = { commands, model, trans };
    this.addWidget(
      new Section({
        id: 'jupyter-oscar-cluster',
        label: trans.__('Cluster'),
        body: <ClusterSection {...section} />
      })
    );
    this.addWidget(
      new Section({
        id: 'jupyter-oscar-services',
        label: trans.__('Services'),
        body: <ServicesSection {...section} filter={services} />,
        buttons: {
          filter: filterButton(services),
          deploy: {
            icon: addIcon,
            label: trans.__('Deploy a service'),
            onClick: () => {
              if (commands.hasCommand(CommandIDs.deploy)) {
                void commands.execute(CommandIDs.deploy);
              }
            }
          }
        }
      })
    );
    this.addWidget(
      new Section({
        id: 'jupyter-oscar-calls',
        label: trans.__('Calls'),
        body: <CallsSection {...section} filter={calls} />,
        buttons: { filter: filterButton(calls) }
      })
    );

    model.changed.connect(this._onModel, this);
    this._onModel();
    this._accordion.setRelativeSizes([1, 3, 4]);
    void this._restore();
    this._accordion.expansionToggled.connect(this._save, this);
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._looking?.dispose();
    this._observer.disconnect();
    this._options.model.changed.disconnect(this._onModel, this);
    super.dispose();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this._see();
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._see();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._looking?.dispose();
    this._looking = null;
    this._observer.disconnect();
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node
      .querySelector<HTMLElement>(
        '[role="row"][tabindex="0"], .jp-OscarCluster-line, .jp-OscarStep'
      )
      ?.focus();
  }

  private _see(): void {
    this._looking ??= this._options.model.look();
    this._observer.observe(this.widgets[0].node.children[0]);
  }

  private _onModel(): void {
    const usable = isUsable(this._options.model);
    this.content.setHidden(!usable);
    this._welcome.setHidden(usable);
    this.toggleClass('jp-mod-welcome', !usable);
  }

  /** Give the cluster's section the height of what it says; the lists share the rest. */
  private readonly _fit = (): void => {
    const [cluster] = this.widgets;
    const said = cluster.node.querySelector('.jp-OscarCluster');
    const titles = this._accordion.titles.map(title => title.offsetHeight);
    const height =
      this.content.node.clientHeight -
      titles.reduce((sum, one) => sum + one, 0);
    if (this.isDisposed || !cluster.isVisible || !said || height <= 0) {
      return;
    }
    const wanted = said.getBoundingClientRect().height;
    if (wanted > 0 && wanted !== this._fitted) {
      this._fitted = wanted;
      const rest = Math.max(1, height - wanted);
      this._accordion.setRelativeSizes([wanted, rest * 0.45, rest * 0.55]);
    }
  };

  /** Close the sections that were closed when the page was left. */
  private async _restore(): Promise<void> {
    const kept = await this._options.state
      ?.fetch(Private.KEY)
      .catch(() => undefined);
    const closed = (kept as { closed?: string[] } | undefined)?.closed ?? [];
    this.widgets.forEach((widget, index) => {
      if (closed.includes(widget.id)) {
        this._accordion.collapse(index);
      }
    });
  }

  private _save(): void {
    const closed = this.widgets
      .filter(widget => widget.isHidden)
      .map(widget => widget.id);
    this._options.state?.save(Private.KEY, { closed }).catch(console.warn);
  }

  private readonly _accordion: AccordionPanel;
  private readonly _options: Sidebar.IOptions;
  private readonly _welcome: Widget;
  private readonly _observer = new ResizeObserver(() => {
    // Not within its own notice: the sizes that are set would be one more.
    requestAnimationFrame(this._fit);
  });
  private _looking: IDisposable | null = null;
  private _fitted = 0;
}

export namespace Sidebar {
  export interface IOptions {
    commands: CommandRegistry;
    model: IOscarModel;
    state: IStateDB | null;
    trans: TranslationBundle;
  }
}

namespace Private {
  export const KEY = 'jupyter-oscar:sidebar';
}
