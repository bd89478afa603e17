import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ITable, tableOf } from './table';

/** So much of a text is shown. */
const SHOWN = 100_000;
/** A longer text is not looked into. */
const READ = 2_000_000;

/**
 * Content by its kind: a picture, a table, a text, JSON; what is none of these
 * is only said to be there. A picture is an image element of bytes that we hold, and a
 * text is text: nothing in it is ever run.
 */
export function Shown(props: {
  kind: string;
  name: string;
  content: Blob | string;
  /** Whether its name says nothing of what it is: a table is then one by its looks. */
  guess?: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { kind, name, content, guess, trans } = props;
  if (kind.startsWith('image/') && content instanceof Blob) {
    return <Picture name={name} content={content} type={kind} trans={trans} />;
  }
  if (kind === 'text' || kind === 'json') {
    return <Text {...props} guess={guess} />;
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
  kind: string;
  name: string;
  content: Blob | string;
  guess?: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { kind, name, content, guess, trans } = props;
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
  const table = React.useMemo(
    () =>
      text && text.length <= READ
        ? tableOf(kind, name, text, guess)
        : undefined,
    [kind, name, text, guess]
  );
  const whole = React.useMemo(
    () => (kind === 'json' && text ? pretty(text) : (text ?? '')),
    [kind, text]
  );
  if (table) {
    return <Table table={table} name={name} trans={trans} />;
  }
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

function Table(props: {
  table: ITable;
  name: string;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { table, name, trans } = props;
  const { columns, rows, total } = table;
  return (
    <>
      <div
        className="jp-OscarShown-table jp-RenderedHTMLCommon"
        role="region"
        aria-label={name}
        tabIndex={0}
      >
        <table>
          <thead>
            <tr>
              {columns.map((column, at) => (
                <th key={at} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, at) => (
              <tr key={at}>
                {row.map((value, at) => (
                  <td key={at}>{value}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {total > rows.length && (
        <p className="jp-OscarShown-none">
          {trans.__(
            'The first %1 of %2 rows. Save it to see the rest.',
            rows.length.toLocaleString(),
            total.toLocaleString()
          )}
        </p>
      )}
    </>
  );
}

function pretty(text: string): string {
  if (text.length > READ) {
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
