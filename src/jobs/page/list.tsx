import { TranslationBundle } from '@jupyterlab/translation';
import { ellipsesIcon, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ServiceModel } from '../../services/page/model';
import { Wrong } from '../../services/page/shown';
import { GOING } from '../../tokens';
import { CallRow } from '../../types';
import { ago, duration, exactly, word } from '../../format';
import { useTick } from '../../hooks';
import { Name, Skeleton, State } from '../../states';

const ROW = 28;
/** Rows above and below those in sight. */
const MORE = 10;

/**
 * The calls of a service, newest first. However many there are, the page holds
 * only those in sight.
 */
export function CallList(props: {
  model: ServiceModel;
  trans: TranslationBundle;
  menu: (call: CallRow, x: number, y: number) => void;
}): React.JSX.Element {
  return (
    <UseSignal signal={props.model.changed}>
      {() => <List {...props} calls={props.model.calls} />}
    </UseSignal>
  );
}

function List(props: {
  model: ServiceModel;
  calls: readonly CallRow[] | undefined;
  trans: TranslationBundle;
  menu: (call: CallRow, x: number, y: number) => void;
}): React.JSX.Element {
  const { model, calls, trans, menu } = props;
  const host = React.useRef<HTMLDivElement>(null);
  const [place, setPlace] = React.useState({ top: 0, height: 600 });
  const busy = !!calls?.some(call => GOING.includes(call.state));
  useTick(busy ? 1000 : 30_000, true);

  React.useEffect(() => {
    const node = host.current;
    if (!node) {
      return;
    }
    const watch = new ResizeObserver(() => {
      setPlace(({ top }) => ({ top, height: node.clientHeight }));
    });
    watch.observe(node);
    return () => {
      watch.disconnect();
    };
  }, [!calls?.length]);

  if (!calls) {
    return model.callsProblem ? (
      <Wrong problem={model.callsProblem} />
    ) : (
      <Skeleton lines={4} label={trans.__('Loading')} />
    );
  }
  if (!calls.length) {
    return (
      <p className="jp-OscarEmpty">
        {trans.__('No calls in the last day.')}{' '}
        <button
          className="jp-OscarLink"
          onClick={() => {
            model.tab = 'call';
          }}
        >
          {trans.__('Call %1', model.name)}
        </button>
      </p>
    );
  }
  const chosen = model.selected;
  const at = calls.findIndex(({ id }) => id === chosen?.id);
  const first = Math.max(0, Math.floor(place.top / ROW) - MORE);
  const last = Math.ceil((place.top + place.height) / ROW) + MORE;
  const longest = calls.reduce(
    (most, call) => Math.max(most, lasted(call)),
    0.001
  );

  const go = (index: number) => {
    const to = Math.min(calls.length - 1, Math.max(0, index));
    model.select(calls[to].id);
    const node = host.current;
    if (node) {
      const top = to * ROW;
      if (top < node.scrollTop) {
        node.scrollTop = top;
      } else if (top + ROW > node.scrollTop + node.clientHeight) {
        node.scrollTop = top + ROW - node.clientHeight;
      }
    }
  };
  const open = (call: CallRow, from: Element | null) => {
    const box = (from ?? host.current)?.getBoundingClientRect();
    menu(call, box?.left ?? 0, box?.bottom ?? 0);
  };
  const key = (event: React.KeyboardEvent) => {
    const page = Math.max(1, Math.floor(place.height / ROW) - 1);
    const to: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: calls.length - 1
    };
    if (event.target !== host.current) {
      return;
    } else if (event.key in to) {
      go(to[event.key]);
    } else if (
      chosen &&
      (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey))
    ) {
      open(chosen, document.getElementById(rowId(model, chosen)));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <>
      {model.callsProblem && <Wrong problem={model.callsProblem} />}
      <div
        ref={host}
        className="jp-OscarCalls-list"
        role="grid"
        aria-label={trans.__('Calls of %1', model.name)}
        aria-rowcount={calls.length}
        aria-activedescendant={chosen && rowId(model, chosen)}
        tabIndex={0}
        onKeyDown={key}
        onScroll={({ currentTarget: { scrollTop, clientHeight } }) => {
          setPlace({ top: scrollTop, height: clientHeight });
        }}
      >
        <div
          role="presentation"
          style={{ height: Math.max(0, Math.min(first, calls.length)) * ROW }}
        />
        {calls.slice(first, last).map((call, index) => (
          <div
            key={call.id}
            id={rowId(model, call)}
            className={`jp-OscarCalls-row${call.id === chosen?.id ? ' jp-mod-selected' : ''}`}
            role="row"
            aria-rowindex={first + index + 1}
            aria-selected={call.id === chosen?.id}
            onClick={() => {
              model.select(call.id);
            }}
            onContextMenu={event => {
              event.preventDefault();
              event.stopPropagation();
              model.select(call.id);
              menu(call, event.clientX, event.clientY);
            }}
          >
            <span role="gridcell" className="jp-OscarCalls-state">
              <State state={call.state} trans={trans} />
            </span>
            <span role="gridcell" className="jp-OscarCalls-what">
              <Name text={call.name || call.id} />
              {call.outputs.length > 0 && (
                <>
                  <span className="jp-OscarCalls-arrow">→</span>
                  <Name text={outputsOf(call, trans)} />
                </>
              )}
              {call.exit_code ? (
                <span className="jp-OscarCalls-exit">
                  {trans.__('exit %1', call.exit_code)}
                </span>
              ) : null}
            </span>
            <span
              role="gridcell"
              className="jp-OscarCalls-when"
              title={exactly(call.created)}
            >
              {ago(call.created, trans)}
            </span>
            <span role="gridcell" className="jp-OscarCalls-lasted">
              <span className="jp-OscarCalls-bar" aria-hidden="true">
                <span
                  className="jp-OscarCalls-part"
                  style={{ width: `${(100 * lasted(call)) / longest}%` }}
                />
              </span>
              <span className="jp-OscarCalls-seconds">
                {lasted(call) ? duration(lasted(call), trans) : ''}
              </span>
            </span>
            <span role="gridcell" className="jp-OscarCalls-more">
              <button
                className="jp-OscarButton"
                tabIndex={call.id === chosen?.id ? 0 : -1}
                aria-haspopup="menu"
                title={trans.__('More')}
                aria-label={trans.__(
                  'More for %1, %2',
                  call.name || call.id,
                  word(call.state, trans)
                )}
                onClick={event => {
                  event.stopPropagation();
                  model.select(call.id);
                  open(call, event.currentTarget);
                }}
              >
                <ellipsesIcon.react tag="span" />
              </button>
            </span>
          </div>
        ))}
        <div
          role="presentation"
          style={{ height: Math.max(0, calls.length - last) * ROW }}
        />
      </div>
    </>
  );
}

/** How long a call has run, in seconds; 0 where that is not known. */
function lasted(call: CallRow): number {
  if (call.seconds !== null) {
    return call.seconds;
  }
  return call.state === 'running'
    ? Math.max(0, Date.now() / 1000 - call.created)
    : 0;
}

function outputsOf(call: CallRow, trans: TranslationBundle): string {
  return call.outputs.length === 1
    ? call.outputs[0]
    : trans._n('%1 output', '%1 outputs', call.outputs.length);
}

function rowId(model: ServiceModel, call: CallRow): string {
  return `jp-oscar-${model.cluster}-${call.id}`;
}
