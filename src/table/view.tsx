import { TranslationBundle } from '@jupyterlab/translation';
import {
  addIcon,
  ReactWidget,
  refreshIcon,
  searchIcon
} from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import { ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';

import { Trouble } from '../clusters/section';
import { useChanged } from '../hooks';
import { CallsTable } from '../jobs/table';
import { Filter } from '../filter';
import { lookWhileSeen } from '../looking';
import { ServicesTable } from '../services/table';
import { Usable } from '../sidebar/welcome';
import { Name, StateSign } from '../states';
import { CommandIDs, IOscarModel } from '../tokens';
import { IconButton } from '../button';
import { ISort } from './grid';

/** Services or calls of the current cluster as a table in the main area. */
export class TableView extends ReactWidget {
  constructor(private readonly _options: TableView.IOptions) {
    super();
    this.addClass('jp-OscarTableView');
    this.node.tabIndex = -1;
    this.filter = new Filter();
    this._sort = _options.sort;
    lookWhileSeen(this, _options.model);
  }

  readonly filter: Filter;

  get kind(): TableView.Kind {
    return this._options.kind;
  }

  get sort(): ISort {
    return this._sort;
  }

  set sort(sort: ISort) {
    this._sort = sort;
    this._changed.emit();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      super.dispose();
      Signal.clearData(this);
    }
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    const rows = this.node.querySelector<HTMLElement>('[role="grid"]');
    (rows ?? this.node).focus();
  }

  protected override render(): React.JSX.Element {
    return <Table view={this} {...this._options} />;
  }

  private readonly _changed = new Signal<this, void>(this);
  private _sort: ISort;
}

export namespace TableView {
  export type Kind = 'services' | 'calls';

  export interface IOptions {
    kind: Kind;
    sort: ISort;
    commands: CommandRegistry;
    model: IOscarModel;
    trans: TranslationBundle;
  }
}

function Table(
  props: TableView.IOptions & { view: TableView }
): React.JSX.Element {
  const { model, view } = props;
  useChanged(model.changed);
  useChanged(view.changed);
  const row = model.currentRow;
  const shown = {
    ...props,
    filter: view.filter,
    sort: view.sort,
    onSort: (sort: ISort) => {
      view.sort = sort;
    }
  };
  return (
    <Usable {...props}>
      <Bar {...shown} />
      {row && row.state !== 'ok' ? <Trouble {...props} row={row} /> : null}
      {view.kind === 'services' ? (
        <ServicesTable {...shown} />
      ) : (
        <CallsTable {...shown} />
      )}
    </Usable>
  );
}

/** Which cluster the rows are from, and what can be done with all of them. */
function Bar(
  props: TableView.IOptions & { filter: Filter }
): React.JSX.Element {
  const { commands, filter, kind, model, trans } = props;
  const row = model.currentRow;
  return (
    <div className="jp-OscarTable-bar">
      {row ? (
        <span className="jp-OscarTable-where" title={row.endpoint}>
          <StateSign state={row.state === 'ok' ? 'ok' : 'failed'} />
          <Name text={row.name} />
        </span>
      ) : null}
      <span className="jp-OscarFill" />
      <IconButton
        icon={searchIcon}
        label={trans.__('Filter (/)')}
        onClick={() => {
          filter.toggle();
        }}
      />
      {kind === 'services' && commands.hasCommand(CommandIDs.deploy) ? (
        <IconButton
          icon={addIcon}
          label={trans.__('Deploy a service')}
          onClick={() => {
            void commands.execute(CommandIDs.deploy);
          }}
        />
      ) : null}
      <IconButton
        icon={refreshIcon}
        label={trans.__('Look again now')}
        onClick={() => {
          void commands.execute(CommandIDs.refresh);
        }}
      />
    </div>
  );
}
