import { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretRightIcon,
  launchIcon,
  runIcon
} from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { word } from '../format';
import { Filter } from '../filter';
import { List } from '../lists';
import { Action, More, Rows } from '../rows';
import { useService } from '../selection';
import { Name, Notice, StateSign, Step } from '../states';
import { CommandIDs, IOscarModel } from '../tokens';
import { ServiceRow } from '../types';
import { dragCell } from './drag';
import { snippet } from './snippet';

/** What is deployed, a line each; opened in place a line says what it runs and where it reads and writes. */
export function ServicesSection(
  props: ServicesSection.IProps
): React.JSX.Element {
  const { commands, filter, model, trans } = props;
  const [open, setOpen] = React.useState<ReadonlySet<string>>(new Set());
  const { selected, select, run } = useService(props);
  const toggle = (row: ServiceRow): void => {
    const next = new Set(open);
    if (!next.delete(row.name)) {
      next.add(row.name);
    }
    setOpen(next);
  };

  return (
    <List
      live={model.services}
      model={model}
      trans={trans}
      filter={filter}
      textOf={row => [row.name, row.kind, row.image, row.owner].join(' ')}
      lines={3}
      empty={<NoServices commands={commands} trans={trans} />}
    >
      {rows => (
        <Rows
          label={trans.__('Services')}
          className="jp-OscarServiceRow"
          rows={rows}
          keyOf={row => row.name}
          selected={selected}
          onSelect={select}
          onOpen={row => {
            run(CommandIDs.openService, row);
          }}
          onDelete={row => {
            run(CommandIDs.deleteService, row);
          }}
          isOpen={row => open.has(row.name)}
          onToggle={toggle}
          onPress={(row, event) => {
            if (model.current !== undefined) {
              dragCell(event, event.currentTarget, snippet(model.current, row));
            }
          }}
        >
          {row => (
            <>
              <div className="jp-OscarRow-line" role="gridcell">
                <Twisty
                  isOpen={open.has(row.name)}
                  onClick={() => {
                    toggle(row);
                  }}
                />
                <Name text={row.name} className="jp-mod-main" />
                <span className="jp-OscarRow-wide jp-OscarQuiet">
                  <Name text={row.image} />
                </span>
                <span className="jp-OscarRow-end jp-OscarQuiet jp-OscarParts">
                  <span>{word(row.kind, trans)}</span>
                  {row.state ? (
                    <span>
                      <StateSign state={row.state} /> {word(row.state, trans)}
                    </span>
                  ) : (
                    <span className="jp-mod-second">
                      {word(row.visibility, trans)}
                    </span>
                  )}
                </span>
                <span className="jp-OscarRow-actions">
                  {row.kind === 'exposed' ? (
                    <Action
                      icon={launchIcon}
                      label={trans.__('Open %1', row.name)}
                      onClick={() => {
                        run(CommandIDs.openExposed, row);
                      }}
                    />
                  ) : (
                    <Action
                      icon={runIcon}
                      label={trans.__('Call %1', row.name)}
                      onClick={() => {
                        run(CommandIDs.callService, row);
                      }}
                    />
                  )}
                  <More label={trans.__('More on %1', row.name)} />
                </span>
              </div>
              {open.has(row.name) ? <Detail row={row} trans={trans} /> : null}
            </>
          )}
        </Rows>
      )}
    </List>
  );
}

export namespace ServicesSection {
  export interface IProps {
    commands: CommandRegistry;
    filter: Filter;
    model: IOscarModel;
    trans: TranslationBundle;
  }
}

/** What is said when nothing is deployed. */
export function NoServices(props: {
  commands: CommandRegistry;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { commands, trans } = props;
  return (
    <Notice
      what={trans.__('No services. Deploy one from a file, or try an example.')}
    >
      {commands.hasCommand(CommandIDs.deploy) ? (
        <>
          <Step
            accent
            label={trans.__('Deploy…')}
            onClick={() => {
              void commands.execute(CommandIDs.deploy);
            }}
          />
          <Step
            label={trans.__('Examples')}
            onClick={() => {
              void commands.execute(CommandIDs.deploy, {
                example: 'grayify'
              });
            }}
          />
        </>
      ) : null}
    </Notice>
  );
}

/** Opens a row by mouse; by key its row does. */
function Twisty(props: {
  isOpen: boolean;
  onClick: () => void;
}): React.JSX.Element {
  const Icon = props.isOpen ? caretDownIcon : caretRightIcon;
  return (
    <span
      className="jp-OscarRow-twisty"
      aria-hidden
      onClick={event => {
        event.stopPropagation();
        props.onClick();
      }}
      onDoubleClick={event => {
        event.stopPropagation();
      }}
    >
      <Icon.react tag="span" width="14px" height="14px" />
    </span>
  );
}

function Detail(props: {
  row: ServiceRow;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { row, trans } = props;
  const lines: [string, string][] = [
    [trans.__('image'), row.image],
    ...row.inputs.map((path): [string, string] => [trans.__('in'), path]),
    ...row.outputs.map((path): [string, string] => [trans.__('out'), path])
  ];
  if (row.owner) {
    lines.push([trans.__('owner'), row.owner]);
  }
  return (
    <div className="jp-OscarRow-detail" role="gridcell">
      {lines.map(([name, value]) => (
        <div className="jp-OscarRow-detailLine" key={`${name} ${value}`}>
          <span className="jp-OscarQuiet">{name}</span>
          <Name text={value} />
        </div>
      ))}
    </div>
  );
}
