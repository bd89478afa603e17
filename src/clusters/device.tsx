import { Clipboard } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { duration } from '../format';
import { useTick } from '../hooks';
import { StateSign, Step } from '../states';
import { DeviceNews } from '../types';

/** The code that a person agrees to on another page, and how long that is waited for. */
export function DeviceCode(props: {
  news: DeviceNews;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { news, trans } = props;
  const waiting = news.state === 'waiting';
  const [shown, setShown] = React.useState(news);
  const [copied, setCopied] = React.useState(false);
  const steps = React.useRef<HTMLDivElement>(null);
  useTick(1000, waiting);
  React.useEffect(() => {
    if (waiting) {
      setShown(news);
    }
  }, [news, waiting]);
  // Enter opens the page.
  React.useEffect(() => {
    steps.current?.querySelector('button')?.focus();
  }, []);
  const left = Math.max(0, shown.ends - Date.now() / 1000);
  return (
    <div className="jp-OscarDevice">
      <p>
        {shown.link
          ? trans.__('Agree in any browser to this code:')
          : trans.__('Agree in any browser, with this code:')}
      </p>
      <output
        className="jp-OscarDevice-code"
        // Read letter by letter.
        aria-label={trans.__('Code: %1', Array.from(shown.code).join(' '))}
      >
        {shown.code}
      </output>
      <p>
        <a href={shown.page} target="_blank" rel="noopener noreferrer">
          {shown.page}
        </a>
      </p>
      <div className="jp-OscarNotice-steps" ref={steps}>
        <Step
          accent
          label={trans.__('Open this page')}
          onClick={() => {
            window.open(shown.link ?? shown.page, '_blank', 'noopener');
          }}
        />
        <Step
          label={copied ? trans.__('Copied') : trans.__('Copy code')}
          onClick={() => {
            Clipboard.copyToSystem(shown.code);
            setCopied(true);
          }}
        />
      </div>
      <p className="jp-OscarDevice-state jp-OscarQuiet">
        <StateSign state={waiting ? 'pending' : 'running'} />
        <span role="status">
          {waiting
            ? trans.__('Waiting for you to agree')
            : trans.__('Agreed. Asking the cluster…')}
        </span>
        {waiting ? (
          <span className="jp-OscarDevice-left">
            {trans.__('%1 left', duration(Math.floor(left), trans))}
          </span>
        ) : null}
      </p>
    </div>
  );
}
