import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

/** A unified diff; its signs say what its colours say. */
export function Diff(props: {
  text: string;
  trans: TranslationBundle;
}): React.JSX.Element {
  // The first two lines name the sides; every diff here has the same.
  const lines = props.text.split('\n').slice(2);
  if (/^@@ -[01](,| )/.test(lines[0] ?? '')) {
    // From the first line on: nothing was left out.
    lines.shift();
  }
  return (
    <pre
      className="jp-OscarDiff"
      tabIndex={0}
      aria-label={props.trans.__('Difference')}
    >
      {lines.map((line, index) => (
        <span key={index} className={`jp-OscarDiff-line${mod(line)}`}>
          {line.startsWith('@@') ? '⋯' : line}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}

function mod(line: string): string {
  switch (line[0]) {
    case '+':
      return ' jp-mod-added';
    case '-':
      return ' jp-mod-removed';
    case '@':
      return ' jp-mod-skipped';
    default:
      return '';
  }
}
