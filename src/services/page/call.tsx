import { TranslationBundle } from '@jupyterlab/translation';
import { Button, UseSignal } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { duration, size } from '../../format';
import { download } from '../../save';
import { CallInput, CommandIDs } from '../../tokens';
import { Problem, Reply, ServiceDetail } from '../../types';
import { problemOf } from '../../errors';
import { ServiceModel } from './model';
import { Skeleton } from '../../states';
import { Shown, Wrong } from './shown';

const SchemaForm = React.lazy(() => import('./schema'));

type Way = 'file' | 'text' | 'json' | 'object';

/** Give a service an input, and see its answer. */
export function Call(props: {
  model: ServiceModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
}): React.JSX.Element {
  return (
    <UseSignal signal={props.model.changed}>
      {() =>
        props.model.detail ? (
          <Form {...props} detail={props.model.detail} />
        ) : (
          <Skeleton lines={4} label={props.trans.__('Loading')} />
        )
      }
    </UseSignal>
  );
}

function Form(props: {
  model: ServiceModel;
  detail: ServiceDetail;
  commands: CommandRegistry;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, detail, commands, trans } = props;
  const [way, setWay] = React.useState<Way>(
    detail.input_schema ? 'json' : detail.inputs.length ? 'file' : 'text'
  );
  const [file, setFile] = React.useState<File | null>(null);
  const [text, setText] = React.useState('');
  const [json, setJson] = React.useState('{}');
  const [data, setData] = React.useState<unknown>(undefined);
  const [good, setGood] = React.useState(false);
  const [tried, setTried] = React.useState(0);
  const [refused, setRefused] = React.useState('');
  const [place, setPlace] = React.useState('');
  const [busy, setBusy] = React.useState<'run' | 'job' | ''>('');
  const [problem, setProblem] = React.useState<Problem | undefined>();
  const [answer, setAnswer] = React.useState<
    { reply: Reply; seconds: number } | undefined
  >();
  const { offered } = model;
  React.useEffect(() => {
    if (offered !== undefined) {
      setWay('object');
      setPlace(offered);
    }
  }, [offered]);
  const schema = refused ? null : detail.input_schema;
  const asForm = way === 'json' && !!schema;
  const wrongJson =
    way === 'json' && !asForm ? jsonProblem(json, trans) : undefined;

  const input = (): CallInput | undefined => {
    switch (way) {
      case 'file':
        return file ? { file } : undefined;
      case 'text':
        return { text };
      case 'json':
        return asForm
          ? { json: data ?? {} }
          : wrongJson === undefined
            ? { json: JSON.parse(json) as unknown }
            : undefined;
      case 'object':
        return place.includes('/') ? { object: place.trim() } : undefined;
    }
  };
  const given = input();

  const send = async (how: 'run' | 'job') => {
    if (!given || busy) {
      return;
    }
    if (asForm && !good) {
      // What is wrong is said at its field; nothing is sent.
      setTried(tried + 1);
      return;
    }
    setBusy(how);
    setProblem(undefined);
    setAnswer(undefined);
    const began = performance.now();
    try {
      if (how === 'job') {
        const row = await model.client.submit(model.cluster, model.name, given);
        model.add(row);
        model.tab = 'calls';
      } else {
        const reply = await model.client.run(model.cluster, model.name, given);
        setAnswer({ reply, seconds: (performance.now() - began) / 1000 });
      }
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy('');
  };

  const ways: [Way, string][] = [
    ['file', trans.__('file')],
    ['text', trans.__('text')],
    ['json', schema ? trans.__('form') : trans.__('JSON')],
    ['object', trans.__('object')]
  ];
  const waits = detail.kind !== 'async';
  const first = waits ? 'run' : 'job';
  const does = {
    run: {
      label: waits ? trans.__('Run') : trans.__('Run and Wait'),
      title: trans.__('Call it and wait for its answer')
    },
    job: {
      label: trans.__('Run as a Job'),
      title: trans.__('Let the cluster call it; its log and outputs stay')
    }
  };
  const other = waits ? 'job' : 'run';

  return (
    <div className="jp-OscarCall">
      <form
        noValidate
        onSubmit={event => {
          event.preventDefault();
          void send(first);
        }}
      >
        <fieldset className="jp-OscarCall-ways">
          <legend>{trans.__('Input')}</legend>
          {ways.map(([value, label]) => (
            <label key={value}>
              <input
                type="radio"
                name={`jp-oscar-way-${model.cluster}-${model.name}`}
                checked={way === value}
                onChange={() => {
                  setWay(value);
                }}
              />
              {label}
            </label>
          ))}
        </fieldset>
        {way === 'file' && (
          <FileField file={file} setFile={setFile} trans={trans} />
        )}
        {way === 'text' && (
          <textarea
            className="jp-OscarCall-text"
            aria-label={trans.__('Text to send')}
            rows={5}
            value={text}
            onChange={event => {
              setText(event.target.value);
            }}
          />
        )}
        {way === 'json' &&
          (schema ? (
            <React.Suspense
              fallback={<Skeleton lines={3} label={trans.__('Loading')} />}
            >
              <SchemaForm
                schema={schema}
                data={data}
                tried={tried}
                trans={trans}
                change={setData}
                judge={setGood}
                refuse={setRefused}
              />
            </React.Suspense>
          ) : (
            <>
              {refused && (
                <Wrong
                  problem={{
                    message: trans.__(
                      'What the service says of its input makes no form.'
                    ),
                    hint: refused
                  }}
                />
              )}
              <textarea
                className="jp-OscarCall-text jp-mod-code"
                aria-label={trans.__('JSON to send')}
                aria-invalid={wrongJson !== undefined}
                rows={6}
                spellCheck={false}
                value={json}
                onChange={event => {
                  setJson(event.target.value);
                }}
              />
              <p className="jp-OscarCall-hint jp-mod-error" aria-live="polite">
                {wrongJson}
              </p>
            </>
          ))}
        {way === 'object' && (
          <label className="jp-OscarCall-object">
            <input
              className="jp-mod-styled"
              type="text"
              spellCheck={false}
              aria-label={trans.__('Bucket and key of the object')}
              placeholder={trans.__('bucket/folder/name')}
              value={place}
              onChange={event => {
                setPlace(event.target.value);
              }}
            />
          </label>
        )}
        <div className="jp-OscarCall-buttons">
          <span role="status">
            {busy === 'run'
              ? trans.__('Waiting for the answer…')
              : busy === 'job'
                ? trans.__('Sending…')
                : ''}
          </span>
          <Button
            type="button"
            className="jp-mod-styled jp-mod-reject"
            disabled={!given || !!busy}
            title={does[other].title}
            onClick={() => void send(other)}
          >
            {does[other].label}
          </Button>
          <Button
            type="submit"
            className="jp-mod-styled jp-mod-accept"
            disabled={!given || !!busy}
            title={does[first].title}
          >
            {does[first].label}
          </Button>
        </div>
      </form>
      {problem && (
        <Wrong problem={problem}>
          {['not-authenticated', 'credentials-expired'].includes(
            problem.code
          ) && (
            <Button
              className="jp-mod-styled"
              onClick={() =>
                void commands.execute(CommandIDs.signIn, {
                  cluster: model.cluster
                })
              }
            >
              {trans.__('Sign In')}
            </Button>
          )}
        </Wrong>
      )}
      {answer && (
        <Answer
          {...answer}
          name={model.name}
          without={detail.without_image}
          trans={trans}
        />
      )}
    </div>
  );
}

/** A file that is dropped here or picked. */
function FileField(props: {
  file: File | null;
  setFile: (file: File) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { file, setFile, trans } = props;
  const [over, setOver] = React.useState(false);
  const take = (files: FileList | null) => {
    setOver(false);
    if (files?.length) {
      setFile(files[0]);
    }
  };
  return (
    <label
      className={`jp-OscarCall-drop${over ? ' jp-mod-over' : ''}`}
      onDragOver={event => {
        if (event.dataTransfer.types.includes('Files')) {
          event.preventDefault();
          setOver(true);
        }
      }}
      onDragLeave={() => {
        setOver(false);
      }}
      onDrop={event => {
        event.preventDefault();
        event.stopPropagation();
        take(event.dataTransfer.files);
      }}
    >
      <input
        type="file"
        onChange={event => {
          take(event.target.files);
        }}
      />
      {file ? (
        <>
          <span className="jp-OscarCall-name" title={file.name}>
            {file.name}
          </span>
          <span className="jp-OscarCall-size">{size(file.size)}</span>
          <span className="jp-OscarCall-other">{trans.__('Another…')}</span>
        </>
      ) : (
        <span>{trans.__('Drop a file here, or pick one…')}</span>
      )}
    </label>
  );
}

function Answer(props: {
  reply: Reply;
  seconds: number;
  name: string;
  without: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { reply, seconds, name, without, trans } = props;
  const content = React.useMemo(() => bytes(reply), [reply]);
  return (
    <section className="jp-OscarCall-answer" aria-label={trans.__('Answer')}>
      <div className="jp-OscarCall-head">
        <h3>{trans.__('Answer')}</h3>
        <span>{size(reply.size)}</span>
        <span>{duration(seconds, trans)}</span>
        {without && (
          <span>{trans.__('the sandbox ran it without its image')}</span>
        )}
        <span className="jp-OscarFill" />
        {content !== undefined && (
          <Button
            className="jp-mod-styled"
            onClick={() => {
              download(
                new Blob([content]),
                `${name}-answer${ending(reply.kind)}`
              );
            }}
          >
            {trans.__('Save')}
          </Button>
        )}
      </div>
      {content === undefined ? (
        <p className="jp-OscarShown-none">
          {trans.__(
            'Too large to be shown. Run it as a job and save its output.'
          )}
        </p>
      ) : reply.size ? (
        <Shown
          kind={reply.kind}
          name={trans.__('Answer of %1', name)}
          content={content}
          guess
          trans={trans}
        />
      ) : (
        <p className="jp-OscarShown-none">{trans.__('It answered nothing.')}</p>
      )}
    </section>
  );
}

function bytes(reply: Reply): Blob | string | undefined {
  if (reply.text !== null) {
    return reply.text;
  }
  if (reply.data === null) {
    return undefined;
  }
  return new Blob([Uint8Array.from(atob(reply.data), c => c.charCodeAt(0))]);
}

function ending(kind: string): string {
  const known: Record<string, string> = {
    text: '.txt',
    json: '.json',
    zip: '.zip',
    'image/png': '.png',
    'image/jpeg': '.jpg',
    'image/gif': '.gif'
  };
  return known[kind] ?? '';
}

function jsonProblem(
  text: string,
  trans: TranslationBundle
): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return trans.__('Not JSON yet: %1', (error as Error).message);
  }
}
