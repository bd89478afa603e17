import { Clipboard } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretRightIcon,
  copyIcon,
  downloadIcon,
  launchIcon,
  UseSignal
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { download } from '../../save';
import { problemOf } from '../../errors';
import { ServiceModel } from '../../services/page/model';
import { Shown, Wrong } from '../../services/page/shown';
import { GOING } from '../../tokens';
import { CallRow, Output, Problem } from '../../types';
import { duration, exactly, size } from '../../format';
import { Name, Skeleton, State } from '../../states';

/** What is larger is fetched only to be saved. */
const FETCHED = 20_000_000;
/** What is larger is fetched only when it is asked for. */
const AT_ONCE = 2_000_000;

/** Opens an output of a call in Lab; its bytes are fetched where they are not there yet. */
export type Open = (
  call: CallRow,
  output: Output,
  fetch: () => Promise<Blob>
) => Promise<void>;

/** The selected call: what became of it and what it wrote. */
export function Outcome(props: {
  model: ServiceModel;
  open: Open;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, open, trans } = props;
  return (
    <UseSignal signal={model.changed}>
      {() =>
        model.selected ? (
          <One
            key={model.selected.id}
            model={model}
            call={model.selected}
            open={open}
            trans={trans}
          />
        ) : (
          <></>
        )
      }
    </UseSignal>
  );
}

function One(props: {
  model: ServiceModel;
  call: CallRow;
  open: Open;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, call, trans } = props;
  const over = !GOING.includes(call.state);
  return (
    <div className="jp-OscarOutcome">
      <div className="jp-OscarOutcome-head">
        <State state={call.state} trans={trans} />
        <Name text={call.name || call.id} />
        {call.exit_code ? (
          <span>{trans.__('exit %1', call.exit_code)}</span>
        ) : null}
        <span title={exactly(call.created)}>
          {call.seconds === null ? '' : duration(call.seconds, trans)}
        </span>
        {model.detail?.without_image && (
          <span>{trans.__('without its image')}</span>
        )}
      </div>
      {call.state === 'lost' && (
        <p>
          {trans.__('The cluster lost this job’s pod. What it wrote is here.')}
        </p>
      )}
      {over && <Outputs {...props} />}
      <div className="jp-OscarLive" role="status">
        <Ended call={call} trans={trans} />
      </div>
    </div>
  );
}

/** Says that a call has ended, to those who do not see it; not that it had. */
function Ended(props: {
  call: CallRow;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { call, trans } = props;
  const ran = React.useRef(GOING.includes(call.state));
  return ran.current && !GOING.includes(call.state) ? (
    <>
      {call.state === 'failed'
        ? trans.__('%1 failed.', call.name)
        : trans.__('%1 has ended.', call.name)}
    </>
  ) : null;
}

function Outputs(props: {
  model: ServiceModel;
  call: CallRow;
  open: Open;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, call, open, trans } = props;
  const [found, setFound] = React.useState<Output[] | undefined>();
  const [problem, setProblem] = React.useState<Problem | undefined>();
  React.useEffect(() => {
    let wanted = true;
    model.client
      .outputs(model.cluster, call.service, call.id)
      .then(outputs => {
        if (wanted) {
          setFound(outputs);
        }
      })
      .catch((error: unknown) => {
        if (wanted) {
          setProblem(problemOf(error));
        }
      });
    return () => {
      wanted = false;
    };
  }, [model, call.service, call.id, call.state]);
  if (problem) {
    return <Wrong problem={problem} />;
  }
  if (!found) {
    return <Skeleton lines={1} label={trans.__('Loading')} />;
  }
  if (!found.length) {
    return call.state === 'done' ? (
      <p className="jp-OscarShown-none">{trans.__('It wrote no output.')}</p>
    ) : (
      <></>
    );
  }
  const shown = found.findIndex(
    ({ kind, size }) =>
      (kind.startsWith('image/') || kind === 'text' || kind === 'json') &&
      size <= AT_ONCE
  );
  return (
    <ul className="jp-OscarOutputs" aria-label={trans.__('Outputs')}>
      {found.map((output, index) => (
        <Row
          key={output.name}
          output={output}
          opened={index === shown}
          show={fetch => open(call, output, fetch)}
          fetch={() =>
            model.client.output(
              model.cluster,
              call.service,
              call.id,
              output.name
            )
          }
          trans={trans}
        />
      ))}
    </ul>
  );
}

function Row(props: {
  output: Output;
  opened: boolean;
  fetch: () => Promise<Blob>;
  /** Open it in Lab's own viewer. */
  show: (fetch: () => Promise<Blob>) => Promise<void>;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { output, fetch, show, trans } = props;
  const showable = output.kind !== 'file' && output.size <= FETCHED;
  const [open, setOpen] = React.useState(props.opened && showable);
  const [content, setContent] = React.useState<Blob | undefined>();
  const [problem, setProblem] = React.useState<Problem | undefined>();
  const [busy, setBusy] = React.useState(false);
  const here = React.useRef(true);
  React.useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);

  const get = async (): Promise<Blob> => {
    const came = content ?? (await fetch());
    if (here.current) {
      setContent(came);
    }
    return came;
  };
  /** Do something with it; what goes wrong is said below. */
  const act = (how: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(undefined);
    how()
      .catch((error: unknown) => {
        if (here.current) {
          setProblem(problemOf(error));
        }
      })
      .finally(() => {
        if (here.current) {
          setBusy(false);
        }
      });
  };
  React.useEffect(() => {
    if (open) {
      act(get);
    }
  }, [open]);

  return (
    <li>
      <div className="jp-OscarOutputs-row">
        <button
          className="jp-OscarOutputs-name"
          disabled={!showable}
          aria-expanded={showable ? open : undefined}
          onClick={() => {
            setOpen(!open);
          }}
        >
          {showable &&
            (open ? (
              <caretDownIcon.react tag="span" />
            ) : (
              <caretRightIcon.react tag="span" />
            ))}
          <Name text={output.name} />
        </button>
        <span className="jp-OscarOutputs-size">{size(output.size)}</span>
        <button
          className="jp-OscarButton"
          title={trans.__('Save')}
          aria-label={trans.__('Save %1', output.name)}
          disabled={busy}
          onClick={() => {
            act(async () => {
              download(await get(), output.name.split('/').pop() ?? 'output');
            });
          }}
        >
          <downloadIcon.react tag="span" />
        </button>
        <button
          className="jp-OscarButton"
          title={
            output.size > FETCHED
              ? trans.__('Too large to be opened here: save it')
              : trans.__('Open a copy of it in JupyterLab')
          }
          aria-label={trans.__('Open %1', output.name)}
          disabled={busy || output.size > FETCHED}
          onClick={() => {
            act(() => show(get));
          }}
        >
          <launchIcon.react tag="span" />
        </button>
        <button
          className="jp-OscarButton"
          title={trans.__('Copy path: %1', output.path)}
          aria-label={trans.__('Copy the path of %1', output.name)}
          onClick={() => {
            Clipboard.copyToSystem(output.path);
          }}
        >
          <copyIcon.react tag="span" />
        </button>
      </div>
      {problem && <Wrong problem={problem} />}
      {open &&
        (content ? (
          <Shown
            kind={output.kind}
            name={output.name}
            content={content}
            trans={trans}
          />
        ) : (
          !problem && <Skeleton lines={1} label={trans.__('Loading')} />
        ))}
    </li>
  );
}
