import type {
  IMovableSectionRegistry,
  IMovableSectionSource,
  ISectionEntry
} from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { TranslationBundle } from '@jupyterlab/translation';
import {
  addIcon,
  fileUploadIcon,
  newFolderIcon,
  ReactWidget,
  refreshIcon,
  searchIcon,
  SidePanel,
  tableRowsIcon,
  ToolbarButton
} from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { IDisposable } from '@lumino/disposable';
import { Message } from '@lumino/messaging';
import { ISignal, Signal } from '@lumino/signaling';
import { AccordionPanel, Panel, Widget } from '@lumino/widgets';
import * as React from 'react';

import { BucketsPanel } from '../buckets/section';
import { ClusterSection } from '../clusters/section';
import { Announcer, CallsSection } from '../jobs/section';
import { Filter } from '../filter';
import { useChanged } from '../hooks';
import { FlowsSection } from '../flows/section';
import { FlowsSummary, hasFlows } from '../flows/summary';
import { lookWhileSeen } from '../looking';
import { Section } from './section';
import { acceptFdl } from '../services/drop';
import { ServicesSection } from '../services/section';
import { CommandIDs, IOscarModel } from '../tokens';
import { BucketCommandIDs } from '../buckets/tokens';
import { WorkingDirectoryView } from '../workdir/view';
import { isUsable, Welcome } from './welcome';

/** The sidebar "OSCAR": cluster, services, calls, flows, buckets. It looks only while it is seen. */
export class Sidebar extends SidePanel implements IMovableSectionSource {
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
      <Welcome commands={commands} model={model} trans={trans}>
        <FlowsAlone model={model} trans={trans} />
      </Welcome>
    );
    this.header.addWidget(bar);
    this.header.addWidget(this._welcome);
    this.header.addWidget(
      ReactWidget.create(<Announcer model={model} trans={trans} />)
    );

    const services = new Filter();
    const calls = new Filter();
    const flows = new Filter();
    const filterButton = (filter: Filter) => ({
      icon: searchIcon,
      label: trans.__('Filter (/)'),
      onClick: () => {
        filter.toggle();
      }
    });
    const tableButton = (kind: 'services' | 'calls') => ({
      icon: tableRowsIcon,
      label: trans.__('Open as a table'),
      onClick: () => {
        if (commands.hasCommand(CommandIDs.openTable)) {
          void commands.execute(CommandIDs.openTable, { kind });
        }
      }
    });
    const section = { commands, model, trans };
    const welcome = section;
    const sections = [
      new Section({
        id: 'jupyter-oscar-cluster',
        label: trans.__('Cluster'),
        body: <ClusterSection {...section} />,
        welcome
      }),
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
          },
          table: tableButton('services')
        },
        welcome
      }),
      new Section({
        id: 'jupyter-oscar-calls',
        label: trans.__('Calls'),
        body: <CallsSection {...section} filter={calls} />,
        buttons: { filter: filterButton(calls), table: tableButton('calls') },
        welcome
      }),
      new Section({
        id: Private.FLOWS,
        label: trans.__('Flows'),
        body: <FlowsSection {...section} filter={flows} />,
        summary: <FlowsSummary model={model} trans={trans} />,
        alone: () => hasFlows(model),
        buttons: { filter: filterButton(flows) },
        welcome
      })
    ];
    if (options.buckets) {
      sections.push(bucketsSection(options, options.buckets));
    }
    for (const one of sections) {
      this.addWidget(one);
    }
    this._sections = sections;
    lookWhileSeen(this, model);

    this._dropped = acceptFdl(sections[1].node, commands, trans);
    model.changed.connect(this._onModel, this);
    this._onModel();
    this._accordion.setRelativeSizes([1, 3, 4, 3, 4]);
    void this._restore();
    this._accordion.expansionToggled.connect(this._onToggled, this);
  }

  // What Lab asks for to move a section to another panel and back.

  get accordionPanel(): AccordionPanel {
    return this._accordion;
  }

  get sectionAdded(): ISignal<this, ISectionEntry> {
    return this._sectionAdded;
  }

  getSections(): ISectionEntry[] {
    return this._accordion.widgets.map((widget, index) => ({
      id: widget.id,
      titleNode: this._accordion.titles[index],
      widget
    }));
  }

  removeSectionById(id: string): Widget | null {
    const found = this.widgets.find(widget => widget.id === id);
    if (found) {
      found.parent = null;
    }
    return found ?? null;
  }

  reinsertSection(widget: Widget): void {
    const before = this._sections.slice(0, this._sections.indexOf(widget));
    this.insertWidget(
      before.filter(one => this.widgets.includes(one)).length,
      widget
    );
    // The layout puts what is new last in the page, which is the order of Tab and of readers.
    this._accordion.titles.forEach((title, index) => {
      this._accordion.node.append(title, this._accordion.widgets[index].node);
    });
  }

  /** Have Lab offer to move the sections, and move those that were when the page was left. */
  offer(registry: IMovableSectionRegistry): void {
    registry.registerSource(
      'jupyter-oscar:sidebar',
      this._options.trans.__('OSCAR'),
      this
    );
    for (const entry of this.getSections()) {
      this._sectionAdded.emit(entry);
    }
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._dropped.dispose();
    this._observer.disconnect();
    this._options.model.changed.disconnect(this._onModel, this);
    super.dispose();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this._measure();
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._measure();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
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

  private _measure(): void {
    this._observer.observe(this._sections[0].node.children[0]);
    this._observer.observe(this.content.node);
  }

  private _onModel(): void {
    const usable = isUsable(this._options.model);
    this.content.setHidden(!usable);
    this._welcome.setHidden(usable);
    this.toggleClass('jp-mod-welcome', !usable);
  }

  /** Give the cluster's section the height of what it says; the lists share the rest. */
  private readonly _fit = (): void => {
    const [cluster] = this._sections;
    const said = cluster.node.querySelector('.jp-OscarCluster');
    const titles = this._accordion.titles.map(title => title.offsetHeight);
    const height =
      this.content.node.clientHeight -
      titles.reduce((sum, one) => sum + one, 0);
    if (
      this.isDisposed ||
      !cluster.isVisible ||
      !this.widgets.includes(cluster) ||
      !said ||
      height <= 0
    ) {
      return;
    }
    const wanted = said.getBoundingClientRect().height;
    const fitted = `${wanted} of ${height}`;
    if (wanted > 0 && fitted !== this._fitted) {
      this._fitted = fitted;
      const rest = Math.max(1, height - wanted);
      const shares = Private.SHARES.map((share, index) =>
        this._sections.at(index + 1)?.isHidden ? 0 : share
      );
      const whole = shares.reduce((sum, share) => sum + share, 0) || 1;
      const sizes = [wanted, ...shares.map(share => (rest * share) / whole)];
      this._accordion.setRelativeSizes(
        this.widgets.map(one => sizes[this._sections.indexOf(one)])
      );
    }
  };

  /** Close the sections that were closed when the page was left. */
  private async _restore(): Promise<void> {
    const kept = await this._options.state
      ?.fetch(Private.KEY)
      .catch(() => undefined);
    const closed = (kept as { closed?: string[] } | undefined)?.closed ?? [
      Private.FLOWS,
      Private.BUCKETS
    ];
    this.widgets.forEach((widget, index) => {
      if (closed.includes(widget.id)) {
        this._accordion.collapse(index);
      }
    });
  }

  private _onToggled(): void {
    // Sections that were closed one after the other have no height to come back to.
    this._fitted = '';
    requestAnimationFrame(this._fit);
    this._save();
  }

  private _save(): void {
    const closed = this.widgets
      .filter(widget => widget.isHidden)
      .map(widget => widget.id);
    this._options.state?.save(Private.KEY, { closed }).catch(console.warn);
  }

  private readonly _accordion: AccordionPanel;
  private readonly _sections: readonly Widget[];
  private readonly _sectionAdded = new Signal<this, ISectionEntry>(this);
  private readonly _options: Sidebar.IOptions;
  private readonly _welcome: Widget;
  private readonly _dropped: IDisposable;
  private readonly _observer = new ResizeObserver(() => {
    // Not within its own notice: the sizes that are set would be one more.
    requestAnimationFrame(this._fit);
  });
  private _fitted = '';
}

export namespace Sidebar {
  export interface IOptions {
    commands: CommandRegistry;
    model: IOscarModel;
    state: IStateDB | null;
    trans: TranslationBundle;
    /** What shows buckets, where there are file browsers. */
    buckets?: Pick<
      BucketsPanel.IOptions,
      'make' | 'topic' | 'subscribe' | 'drives' | 'storage'
    >;
  }
}

/** The dataflows of whoever has a NiFi and no cluster. */
function FlowsAlone({
  model,
  trans
}: Pick<Sidebar.IOptions, 'model' | 'trans'>): React.JSX.Element | null {
  const [filter] = React.useState(() => new Filter());
  useChanged(model.flows.changed);
  return hasFlows(model) ? (
    <section className="jp-OscarSidebar-alone" aria-label={trans.__('Flows')}>
      <h3>
        {trans.__('Flows')} <FlowsSummary model={model} trans={trans} />
      </h3>
      <FlowsSection filter={filter} model={model} trans={trans} />
    </section>
  ) : null;
}

/** The section of the buckets, closed until somebody wants it. */
function bucketsSection(
  { commands, model, trans }: Sidebar.IOptions,
  options: NonNullable<Sidebar.IOptions['buckets']>
): Section {
  const filter = new Filter();
  const panel = new BucketsPanel({
    ...options,
    commands,
    model,
    filter,
    trans,
    above: new WorkingDirectoryView({
      commands,
      model,
      trans,
      subscribe: options.subscribe
    })
  });
  const run = (command: string) => () => {
    if (commands.hasCommand(command)) {
      const { path } = panel;
      void commands.execute(command, { cluster: model.current ?? null, path });
    }
  };
  return new Section({
    id: Private.BUCKETS,
    label: trans.__('Buckets'),
    body: panel,
    buttons: {
      filter: {
        icon: searchIcon,
        label: trans.__('Filter (/)'),
        onClick: () => {
          filter.toggle();
        }
      },
      make: {
        icon: newFolderIcon,
        label: trans.__('New bucket or folder'),
        onClick: run(BucketCommandIDs.newFolder)
      },
      upload: {
        icon: fileUploadIcon,
        label: trans.__('Upload files'),
        onClick: run(BucketCommandIDs.uploadFiles)
      },
      table: {
        icon: tableRowsIcon,
        label: trans.__('Open as a table'),
        onClick: run(BucketCommandIDs.openFolder)
      }
    },
    welcome: { commands, model, trans }
  });
}

namespace Private {
  export const FLOWS = 'jupyter-oscar-flows';
  export const BUCKETS = 'jupyter-oscar-buckets';
  /** Of the height that the cluster leaves: services, calls, flows, buckets. */
  export const SHARES = [0.25, 0.3, 0.15, 0.3];
  export const KEY = 'jupyter-oscar:sidebar';
}
