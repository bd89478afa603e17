import { TranslationBundle } from '@jupyterlab/translation';
import { ellipsesIcon, UseSignal } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';
import * as React from 'react';

import { word } from '../../format';
import { Name, Skeleton } from '../../states';
import { CommandIDs } from '../../tokens';
import { ServiceDetail } from '../../types';
import { ServiceModel, Tab } from './model';
import { Wrong } from './shown';

/** What a service is, and the tabs of its page. */
export function Head(props: {
  model: ServiceModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
  id: string;
}): React.JSX.Element {
  const { model, trans } = props;
  return (
    <UseSignal signal={model.changed}>
      {() => (
        <>
          {model.problem && (
            <Wrong problem={model.problem}>
              <button
                className="jp-mod-styled"
                onClick={() => void model.load()}
              >
                {trans.__('Try Again')}
              </button>
            </Wrong>
          )}
          {model.detail ? (
            <About {...props} detail={model.detail} />
          ) : (
            !model.problem && <Skeleton lines={3} label={trans.__('Loading')} />
          )}
          <Tabs {...props} />
        </>
      )}
    </UseSignal>
  );
}

function About(props: {
  model: ServiceModel;
  detail: ServiceDetail;
  commands: CommandRegistry;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, detail, commands, trans } = props;
  const args = { cluster: model.cluster, service: detail.name };
  const exposed = detail.kind === 'exposed';
  const menu = (at: HTMLElement) => {
    const box = at.getBoundingClientRect();
    const own = new Menu({ commands });
    own.addItem({ command: CommandIDs.insertCell, args });
    if (exposed) {
      own.addItem({ command: CommandIDs.startService, args });
      own.addItem({ command: CommandIDs.stopService, args });
      own.addItem({ command: CommandIDs.restartService, args });
    }
    own.addItem({ type: 'separator' });
    own.addItem({ command: CommandIDs.deleteService, args });
    own.aboutToClose.connect(() => {
      at.focus();
      // After the item that was chosen has run.
      window.setTimeout(() => {
        own.dispose();
      });
    });
    own.open(box.left, box.bottom);
  };
  const stopped = detail.state === 'stopped';
  const state = exposed && detail.state ? detail.state : '';
  return (
    <>
      <div className="jp-OscarPage-head">
        <h2>{detail.name}</h2>
        <span className="jp-OscarPage-kind">
          {[
            word(detail.kind, trans),
            word(state, trans),
            word(detail.visibility, trans),
            detail.owner && trans.__('owner %1', detail.owner)
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
        <span className="jp-OscarPage-actions">
          {exposed ? (
            <>
              <Do
                accent={!stopped}
                disabled={stopped}
                label={trans.__('Open')}
                execute={() => commands.execute(CommandIDs.openExposed, args)}
              />
              <Do
                accent={stopped}
                label={stopped ? trans.__('Start') : trans.__('Stop')}
                execute={() =>
                  commands.execute(
                    stopped ? CommandIDs.startService : CommandIDs.stopService,
                    args
                  )
                }
              />
            </>
          ) : (
            <button
              className="jp-mod-styled"
              onClick={() => {
                model.tab = 'call';
              }}
            >
              {trans.__('Call')}
            </button>
          )}
          <button
            className="jp-mod-styled"
            onClick={() => {
              model.tab = 'definition';
            }}
          >
            {trans.__('Edit')}
          </button>
          <button
            className="jp-OscarButton"
            aria-haspopup="menu"
            title={trans.__('More')}
            aria-label={trans.__('More for %1', detail.name)}
            onClick={({ currentTarget }) => {
              menu(currentTarget);
            }}
          >
            <ellipsesIcon.react tag="span" />
          </button>
        </span>
      </div>
      <dl className="jp-OscarPage-facts">
        <div>
          <dt>{trans.__('image')}</dt>
          <dd>
            <Name text={detail.image} />
            {detail.without_image && (
              <span className="jp-OscarPage-aside">
                {trans.__('the sandbox runs it without this image')}
              </span>
            )}
          </dd>
        </div>
        {(detail.inputs.length > 0 || detail.outputs.length > 0) && (
          <div>
            <dt>{detail.inputs.length ? trans.__('in') : trans.__('out')}</dt>
            <dd title={[...detail.inputs, '→', ...detail.outputs].join(' ')}>
              {detail.inputs.join(', ')}
              {detail.inputs.length > 0 && detail.outputs.length > 0 && (
                <span className="jp-OscarPage-aside">→ {trans.__('out')}</span>
              )}
              {detail.outputs.length > 0 && (
                <span>{detail.outputs.join(', ')}</span>
              )}
              {detail.inputs.length > 0 && (
                <span className="jp-OscarPage-aside jp-OscarPage-starts">
                  {trans.__(
                    'a new file in %1 starts it',
                    detail.inputs.join(', ')
                  )}
                </span>
              )}
            </dd>
          </div>
        )}
      </dl>
    </>
  );
}

/** A button that is busy while what it does goes on. */
function Do(props: {
  label: string;
  accent?: boolean;
  disabled?: boolean;
  execute: () => Promise<unknown>;
}): React.JSX.Element {
  const [busy, setBusy] = React.useState(false);
  return (
    <button
      className={`jp-mod-styled ${props.accent ? 'jp-mod-accept' : ''}`}
      disabled={busy || props.disabled}
      aria-busy={busy}
      onClick={() => {
        setBusy(true);
        void props.execute().finally(() => {
          setBusy(false);
        });
      }}
    >
      {props.label}
    </button>
  );
}

function Tabs(props: {
  model: ServiceModel;
  trans: TranslationBundle;
  id: string;
}): React.JSX.Element {
  const { model, trans, id } = props;
  const labels: Record<Tab, string> = {
    call: trans.__('Call'),
    calls: model.calls
      ? trans.__('Calls (%1)', model.calls.length.toLocaleString())
      : trans.__('Calls'),
    log: trans.__('Log'),
    definition: trans.__('Definition')
  };
  const key = (event: React.KeyboardEvent) => {
    const at = model.tabs.indexOf(model.tab);
    const to: Record<string, number> = {
      ArrowRight: (at + 1) % model.tabs.length,
      ArrowLeft: (at + model.tabs.length - 1) % model.tabs.length,
      Home: 0,
      End: model.tabs.length - 1
    };
    if (event.key in to) {
      const tab = model.tabs[to[event.key]];
      model.tab = tab;
      document.getElementById(`${id}-tab-${tab}`)?.focus();
      event.preventDefault();
      event.stopPropagation();
    }
  };
  return (
    <div
      className="jp-OscarTabs"
      role="tablist"
      aria-label={trans.__('Parts of %1', model.name)}
      onKeyDown={key}
    >
      {model.tabs.map(tab => (
        <button
          key={tab}
          id={`${id}-tab-${tab}`}
          className="jp-OscarTab"
          role="tab"
          aria-selected={tab === model.tab}
          aria-controls={`${id}-panel-${tab}`}
          tabIndex={tab === model.tab ? 0 : -1}
          onClick={() => {
            model.tab = tab;
          }}
        >
          {labels[tab]}
        </button>
      ))}
    </div>
  );
}
