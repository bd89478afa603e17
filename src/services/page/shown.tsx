import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

/** So much of a text is shown. */
const SHOWN = 100_000;

/**
 * Content by its kind: a picture, a text, JSON; what is none of these is only
 * said to be there. A picture is an image element of bytes that we hold, and a
 * text is text: nothing in it is ever run.
 */
export function Shown(props: {
  kind: string;
  name: string;
  content: Blob | string;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { kind, name, content, trans } = props;
  if (kind.startsWith('image/') && content instanceof Blob) {
    return <Picture name={name} content={content} type={kind} trans={trans} />;
  }
  if (kind === 'text' || kind === 'json') {
    return <Text json={kind === 'json'} content={content} trans={trans} />;
  }
  return (
    <p className="jp-OscarShown-none">
      {kind === 'zip'
        ? trans.__('An archive: save it to look inside.')
        : trans.__('A file that is not shown here: save it.')}
    </p>
  );
}

function Picture(props: {
  name: string;
  content: Blob;
  type: string;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { name, content, type, trans } = props;
  const [url, setUrl] = React.useState('');
  const [said, setSaid] = React.useState('');
  React.useEffect(() => {
    const made = URL.createObjectURL(new Blob([content], { type }));
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
    };
  }, [content, type]);
  return (
    <figure className="jp-OscarShown-picture">
      {url && (
        <img
          src={url}
          alt={name}
          onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => {
            setSaid(trans.__('%1 × %2', naturalWidth, naturalHeight));
          }}
          onError={() => {
            setSaid(trans.__('This picture cannot be shown.'));
          }}
        />
      )}
      <figcaption>{said || '\u00a0'}</figcaption>
    </figure>
  );
}

function Text(props: {
  json: boolean;
  content: Blob | string;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { json, content, trans } = props;
  const [text, setText] = React.useState<string | undefined>(
    typeof content === 'string' ? content : undefined
  );
  React.useEffect(() => {
    if (typeof content === 'string') {
      setText(content);
      return;
    }
    let wanted = true;
    content
      .text()
      .then(read => {
        if (wanted) {
          setText(read);
        }
      })
      .catch(() => {
        // The bytes are in memory; there is nothing that could fail.
      });
    return () => {
      wanted = false;
    };
  }, [content]);
  const whole = React.useMemo(
    () => (json && text ? pretty(text) : (text ?? '')),
    [json, text]
  );
  return (
    <>
      <pre className="jp-OscarShown-text" tabIndex={0}>
        {whole.slice(0, SHOWN)}
      </pre>
      {whole.length > SHOWN && (
        <p className="jp-OscarShown-none">
          {trans.__(
            'The first %1 of %2 characters. Save it to see the rest.',
            SHOWN.toLocaleString(),
            whole.length.toLocaleString()
          )}
        </p>
      )}
    </>
  );
}

function pretty(text: string): string {
  if (text.length > 2_000_000) {
    return text;
  }
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** What failed, why, and what to do about it. */
export function Wrong(props: {
  problem: { message: string; hint: string };
  children?: React.ReactNode;
}): React.JSX.Element {
  return (
    <div className="jp-OscarWrong" role="alert">
      <span className="jp-OscarWrong-what">{props.problem.message}</span>
      {props.problem.hint && (
        <span className="jp-OscarWrong-hint">{props.problem.hint}</span>
      )}
      {props.children}
    </div>
  );
}
