import { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretRightIcon,
  launchIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { Filter } from '../filter';
import { List } from '../lists';
import { Action, Rows } from '../rows';
import { Name, Notice, StateSign } from '../states';
import { IOscarModel } from '../tokens';
import { FlowRow } from '../types';

/** The dataflows of every known NiFi, a line each; opened in place a line says what is wrong. They are only shown. */
export function FlowsSection(props: FlowsSection.IProps): React.JSX.Element {
  const { filter, model, trans } = props;
  const [open, setOpen] = React.useState<ReadonlySet<string>>(new Set());
  const [selected, select] = React.useState<string | undefined>();
  const toggle = (row: FlowRow): void => {
    const next = new Set(open);
    if (!next.delete(Private.key(row))) {
      next.add(Private.key(row));
    }
    setOpen(next);
  };

  return (
    <List
      live={model.flows}
      model={model}
      trans={trans}
      filter={filter}
      textOf={row => [row.name, row.nifi, stateWord(row, trans)].join(' ')}
      lines={2}
      empty={
        <Notice
          what={trans.__('No dataflow was deployed from here.')}
          hint={trans.__(
            'A NiFi is added, and a file deployed, in a terminal:'
          )}
          code={Private.STEPS}
        />
      }
    >
      {rows => (
        <Rows
          label={trans.__('Dataflows')}
          className="jp-OscarFlowRow"
          rows={rows}
          keyOf={Private.key}
          selected={selected}
          onSelect={row => {
            select(Private.key(row));
          }}
          onOpen={toggle}
          isOpen={row => open.has(Private.key(row))}
          onToggle={toggle}
        >
          {row => {
            const isOpen = open.has(Private.key(row));
            const Twisty = isOpen ? caretDownIcon : caretRightIcon;
            return (
              <>
                <div
                  className="jp-OscarRow-line"
                  role="gridcell"
                  title={Private.title(row, trans)}
                >
                  <span
                    className="jp-OscarRow-twisty"
                    aria-hidden
                    onClick={event => {
                      event.stopPropagation();
                      toggle(row);
                    }}
                    onDoubleClick={event => {
                      event.stopPropagation();
                    }}
                  >
                    <Twisty.react tag="span" width="14px" height="14px" />
                  </span>
                  <StateSign
                    state={Private.SIGNS[row.state]}
                    label={stateWord(row, trans)}
                  />
                  <Name text={row.name || row.nifi} className="jp-mod-main" />
                  <span className="jp-OscarRow-wide jp-OscarQuiet">
                    <Name text={trouble(row)} />
                  </span>
                  <span
                    className={`jp-OscarRow-end jp-mod-number ${
                      isTroubled(row) ? 'jp-mod-warn' : 'jp-OscarQuiet'
                    }`}
                  >
                    {figure(row, trans)}
                  </span>
                  <span className="jp-OscarRow-actions">
                    {row.canvas ? (
                      <Action
                        icon={launchIcon}
                        label={trans.__(
                          'Open %1 on the canvas of NiFi',
                          row.name || row.nifi
                        )}
                        onClick={() => {
                          window.open(row.canvas, '_blank', 'noopener');
                        }}
                      />
                    ) : null}
                  </span>
                </div>
                {isOpen ? <Detail row={row} trans={trans} /> : null}
              </>
            );
          }}
        </Rows>
      )}
    </List>
  );
}

export namespace FlowsSection {
  export interface IProps {
    filter: Filter;
    model: IOscarModel;
    trans: TranslationBundle;
  }
}

/** What is known of a dataflow, and what ails it, whole. */
function Detail(props: {
  row: FlowRow;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { row, trans } = props;
  const facts: [string, string][] = [
    [trans.__('state'), stateWord(row, trans)],
    [trans.__('NiFi'), row.nifi]
  ];
  if (row.name) {
    facts.push([trans.__('queued'), String(row.queued)]);
  }
  if (row.dead > 0) {
    facts.push([trans.__('refused'), String(row.dead)]);
  }
  const sentences = [
    ...(row.problem ? [`${row.problem.message} ${row.problem.hint}`] : []),
    ...row.warnings,
    ...(row.last_error ? [`${row.last_error_at} ${row.last_error}`] : [])
  ];
  return (
    <div className="jp-OscarRow-detail" role="gridcell">
      {facts.map(([name, value]) => (
        <div className="jp-OscarRow-detailLine" key={name}>
          <span className="jp-OscarQuiet">{name}</span>
          <Name text={value} />
        </div>
      ))}
      {sentences.map(sentence => (
        <p className="jp-OscarFlowRow-said" key={sentence}>
          {sentence.trim()}
        </p>
      ))}
      {row.canvas ? (
        <a
          className="jp-OscarFlowRow-canvas"
          href={row.canvas}
          target="_blank"
          rel="noopener noreferrer"
        >
          {trans.__('Open in NiFi')}
        </a>
      ) : null}
    </div>
  );
}

/** The word for how a dataflow is. */
export function stateWord(row: FlowRow, trans: TranslationBundle): string {
  if (row.problem) {
    return trans.__('not known');
  }
  switch (row.state) {
    case 'running':
      return trans.__('running');
    case 'stopped':
      return trans.__('stopped');
    case 'partly':
      return trans.__('partly running');
    case 'invalid':
      return trans.__('not valid');
    case 'waiting':
      return trans.__('waiting for its bridge');
    case 'unknown':
      return trans.__('unknown');
  }
}

/** What waits in it, and its state where nothing does. */
function figure(row: FlowRow, trans: TranslationBundle): string {
  if (row.queued === 0) {
    return stateWord(row, trans);
  }
  return row.dead === row.queued
    ? trans._n('%1 refused', '%1 refused', row.dead)
    : trans._n('%1 queued', '%1 queued', row.queued);
}

/** What ails it, in a line. */
function trouble(row: FlowRow): string {
  const said =
    row.problem?.message ?? row.warnings.at(0) ?? (row.last_error || '');
  return said.split('\n')[0];
}

function isTroubled(row: FlowRow): boolean {
  return row.problem !== null || row.dead > 0 || trouble(row) !== '';
}

namespace Private {
  export const STEPS =
    'jupyter oscar nifi add NAME ADDRESS\njupyter oscar flow apply FILE --start';

  /** The sign for each state; a dataflow that runs is no news, so nothing moves. */
  export const SIGNS: Record<FlowRow['state'], string> = {
    running: 'ready',
    stopped: 'stopped',
    partly: 'degraded',
    invalid: 'failed',
    waiting: 'pending',
    unknown: 'unknown'
  };

  export function key(row: FlowRow): string {
    return `${row.nifi}/${row.name}`;
  }

  export function title(row: FlowRow, trans: TranslationBundle): string {
    const about = trans.__(
      '%1: %2, on the NiFi %3',
      row.name || row.nifi,
      stateWord(row, trans),
      row.nifi
    );
    return [about, trouble(row)].filter(Boolean).join('\n');
  }
}
