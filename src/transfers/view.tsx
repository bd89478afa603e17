import { TranslationBundle } from '@jupyterlab/translation';
import {
  closeIcon,
  LabIcon,
  ReactWidget,
  refreshIcon,
  runIcon,
  stopIcon,
  userIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { size } from '../format';
import { useChanged } from '../hooks';
import { Action, Rows } from '../rows';
import { Name, Notice, StateSign } from '../states';
import { ITransfer, ITransfers } from './tokens';

/** Lines in the page at once, those first that a person may have to do with. */
const SHOWN = 200;

/** The list of transfers. */
export class TransfersView extends ReactWidget {
  constructor(private readonly _options: TransfersView.IOptions) {
    super();
    this.addClass('jp-OscarTransfers');
    this.node.tabIndex = -1;
  }

  protected override render(): React.JSX.Element {
    return <List {...this._options} />;
  }
}

export namespace TransfersView {
  export interface IOptions {
    transfers: ITransfers;
    trans: TranslationBundle;
    /** Go on with an upload that was left: its file is chosen again where it is not at hand. */
    choose: (row: ITransfer) => void;
    /** Sign in to the cluster of an upload that waits for it. */
    signIn: (row: ITransfer) => void;
    /** Ask, then leave nothing of it. */
    cancel: (row: ITransfer) => void;
  }
}

function List(props: TransfersView.IOptions): React.JSX.Element {
  const { trans, transfers } = props;
  useChanged(transfers.changed);
  const [selected, select] = React.useState<string>();
  const { rows } = transfers;
  const count = (...states: ITransfer.State[]): number =>
    rows.filter(({ state }) => states.includes(state)).length;
  const [done, known] = [count('done'), rows.length - count('handed')];
  const shown = Private.first(rows);
  if (rows.length === 0) {
    return (
      <Notice
        what={trans.__('No transfers.')}
        hint={trans.__(
          'Files on their way into a bucket, or out of one, are listed here.'
        )}
      />
    );
  }
  return (
    <>
      <div className="jp-OscarTransfers-head">
        <span className="jp-OscarQuiet" aria-live="polite">
          {known > 0 ? trans.__('%1 of %2 there', done, known) : null}
        </span>
        {done + rows.length > known ? (
          <button
            type="button"
            className="jp-OscarTransfers-clear"
            onClick={() => {
              transfers.clear();
            }}
          >
            {trans.__('Clear what has ended')}
          </button>
        ) : null}
      </div>
      <Rows
        label={trans.__('Transfers')}
        className="jp-OscarTransferRow"
        rows={shown}
        keyOf={row => row.id}
        selected={selected}
        onSelect={row => {
          select(row.id);
        }}
        onOpen={row => {
          if (!Private.ENDED.includes(row.state)) {
            primary(row, props).onClick();
          }
        }}
        onDelete={row => {
          props.cancel(row);
        }}
      >
        {row => <Line {...props} row={row} />}
      </Rows>
      {shown.length < rows.length ? (
        <p className="jp-OscarTransfers-more jp-OscarQuiet">
          {trans.__('and %1 more', rows.length - shown.length)}
        </p>
      ) : null}
    </>
  );
}

/** What Enter and the first button do with a row. */
function primary(
  row: ITransfer,
  { choose, signIn, trans, transfers }: TransfersView.IOptions
): {
  icon: LabIcon;
  label: string;
  /** Of what waits for the person, who need not look for the way on. */
  text?: string;
  onClick: () => void;
} {
  switch (row.state) {
    case 'queued':
    case 'running':
      return {
        icon: stopIcon,
        label: trans.__('Pause %1', row.name),
        onClick: () => {
          transfers.pause(row.id);
        }
      };
    case 'left':
      return {
        icon: runIcon,
        label: row.atHand
          ? trans.__('Go on with %1', row.name)
          : trans.__('Choose its file: %1', row.name),
        text: row.atHand ? trans.__('Go on') : trans.__('Choose its file'),
        onClick: () => {
          choose(row);
        }
      };
    case 'waiting':
      if (row.waitsFor !== 'sign-in') {
        return {
          icon: refreshIcon,
          label: trans.__('Try %1 now', row.name),
          onClick: () => {
            transfers.resume(row.id);
          }
        };
      }
      return {
        icon: userIcon,
        label: trans.__('Sign in to %1', row.target.cluster),
        text: trans.__('Sign in'),
        onClick: () => {
          signIn(row);
        }
      };
    case 'failed':
      return {
        icon: refreshIcon,
        label: trans.__('Try again: %1', row.name),
        text: trans.__('Try again'),
        onClick: () => {
          transfers.resume(row.id);
        }
      };
    default:
      return {
        icon: runIcon,
        label: trans.__('Go on with %1', row.name),
        onClick: () => {
          transfers.resume(row.id);
        }
      };
  }
}

function Line(
  props: TransfersView.IOptions & { row: ITransfer }
): React.JSX.Element {
  const { row, trans } = props;
  const part = row.size ? row.sent / row.size : 0;
  const first = primary(row, props);
  const ended = Private.ENDED.includes(row.state);
  return (
    <>
      <div className="jp-OscarRow-line" role="gridcell">
        <StateSign state={Private.SIGNS[row.state]} />
        <Name text={row.name} className="jp-mod-main" />
        <span className="jp-OscarTransferRow-place jp-OscarQuiet">
          <Name text={place(row, trans)} />
        </span>
        <Aside row={row} trans={trans} />
        {first.text === undefined ? null : <Action {...first} />}
        <span className="jp-OscarRow-end jp-OscarQuiet jp-mod-number">
          {words(row, trans)}
        </span>
        <span className="jp-OscarRow-actions">
          {ended || first.text !== undefined ? null : <Action {...first} />}
          <Action
            icon={closeIcon}
            label={
              ended
                ? trans.__('Take %1 off the list', row.name)
                : trans.__('Cancel %1', row.name)
            }
            onClick={() => {
              props.cancel(row);
            }}
          />
        </span>
      </div>
      {Private.BEGUN.includes(row.state) ? (
        <div role="gridcell">
          <div
            className="jp-OscarTransferRow-bar"
            role="progressbar"
            aria-label={row.name}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round(part * 100)}
          >
            <div style={{ width: `${part * 100}%` }} />
          </div>
        </div>
      ) : null}
      {row.problem === undefined ? null : (
        <div
          className={`jp-OscarTransferRow-problem jp-mod-${row.state}`}
          role="gridcell"
        >
          <span role="alert">
            {row.problem} {row.hint}
          </span>
        </div>
      )}
    </>
  );
}

/** Where it goes, or comes from. */
function place({ direction, target }: ITransfer, trans: TranslationBundle) {
  const where = `${target.bucket}/${target.prefix}`;
  return direction === 'up'
    ? trans.__('to %1', where)
    : trans.__('from %1', where);
}

/** By which way it goes; once it is there, the checksum of what is stored. */
function Aside(props: {
  row: ITransfer;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { row, trans } = props;
  const { direction, etag, state, way } = row;
  let text: string | undefined;
  let title = '';
  if (state === 'done') {
    text = etag;
    title =
      direction === 'up'
        ? trans.__(
            'What was sent and what is stored have the same checksum. Its ETag is %1',
            etag
          )
        : trans.__('All of it is of one version. Its ETag is %1', etag);
  } else if ((state === 'running' || state === 'handed') && way) {
    const straight = way === 'straight';
    text = straight ? trans.__('straight') : trans.__('via Jupyter');
    title = straight
      ? trans.__(
          'Between this browser and the storage, past the Jupyter server'
        )
      : trans.__(
          'Through the Jupyter server: the storage is out of reach of this page, or lets no page'
        );
  }
  return text ? (
    <span className="jp-OscarTransferRow-aside jp-OscarQuiet" title={title}>
      {text}
    </span>
  ) : null;
}

function words(row: ITransfer, trans: TranslationBundle): string {
  switch (row.state) {
    case 'queued':
      return trans.__('queued · %1', size(row.size));
    case 'running':
      return trans.__('%1 of %2', size(row.sent), size(row.size));
    case 'paused':
      return trans.__('paused · %1 of %2', size(row.sent), size(row.size));
    case 'waiting':
      return trans.__('waiting · %1 of %2', size(row.sent), size(row.size));
    case 'left':
      return trans.__('unfinished · %1 of %2', size(row.sent), size(row.size));
    case 'failed':
      return trans.__('failed');
    case 'done':
      return size(row.size);
    case 'handed':
      return trans.__('in the browser’s downloads');
  }
}

namespace Private {
  /** Nothing is to be done with these. */
  export const ENDED: readonly ITransfer.State[] = ['done', 'handed'];

  /** Of these it is shown how far they are. */
  export const BEGUN: readonly ITransfer.State[] = [
    'running',
    'paused',
    'waiting',
    'left'
  ];

  /** As many as are shown: all, or those first that are neither done nor queued. */
  export function first(rows: readonly ITransfer[]): readonly ITransfer[] {
    if (rows.length <= SHOWN) {
      return rows;
    }
    const rank = ({ state }: ITransfer): number =>
      ENDED.includes(state) ? 2 : state === 'queued' ? 1 : 0;
    return [...rows].sort((a, b) => rank(a) - rank(b)).slice(0, SHOWN);
  }

  /** The eight states have no pause: it waits. */
  export const SIGNS: Record<ITransfer.State, string> = {
    queued: 'queued',
    running: 'running',
    paused: 'pending',
    waiting: 'pending',
    left: 'unknown',
    failed: 'failed',
    done: 'done',
    handed: 'done'
  };
}
