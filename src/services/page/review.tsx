import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Change, Plan, Problem } from '../../types';
import { Diff } from './diff';
import { Draft } from './draft';
import { Wrong } from './shown';

/** What is wrong, what would change, and the one next step. */
export function Foot(props: {
  draft: Draft;
  /** Go to where a problem is. */
  go: (problem: Problem) => void;
  trans: TranslationBundle;
  /** Open the page of a service. */
  open?: (name: string) => void;
  cluster: string;
  sandbox: boolean;
}): React.JSX.Element {
  const { draft, go, open, trans, cluster, sandbox } = props;
  const { problems, problem, plan, busy, deployed } = draft;
  return (
    <>
      {problems.length > 0 && (
        <ul className="jp-OscarProblems" aria-label={trans.__('Problems')}>
          {problems.map((one, index) => (
            <li key={index}>
              <button
                className="jp-OscarProblems-one"
                onClick={() => {
                  go(one);
                }}
              >
                {one.line !== null && (
                  <span className="jp-OscarProblems-line">
                    {trans.__('line %1', one.line)}
                  </span>
                )}
                <span>{said(one)}</span>
                {one.hint && (
                  <span className="jp-OscarProblems-fix">{one.hint}</span>
                )}
              </button>
            </li>
          ))}
        </ul>
      )}
      {draft.missing.map(({ name, why }) => (
        <p key={name} className="jp-OscarDefinition-note jp-mod-missing">
          {trans.__('The script %1 is not here: drop it, or write it.', name)}{' '}
          {why && <span className="jp-OscarDefinition-why">{why}</span>}
        </p>
      ))}
      {draft.blanked && (
        <p className="jp-OscarDefinition-note">
          {trans.__(
            'Secrets are never shown: give each its value before you deploy, or it would be lost.'
          )}
        </p>
      )}
      {plan && <Review plan={plan} sandbox={sandbox} trans={trans} />}
      {problem && <Wrong problem={problem} />}
      <div className="jp-OscarDefinition-buttons">
        <span role="status" className="jp-OscarFill">
          {busy === 'deploy' ? (
            <Seconds
              label={seconds =>
                trans.__('Deploying to %1… %2 s', cluster, seconds)
              }
            />
          ) : busy === 'review' ? (
            trans.__('Comparing with %1…', cluster)
          ) : deployed ? (
            <Deployed
              names={deployed.map(({ name }) => name)}
              open={open}
              trans={trans}
            />
          ) : problems.length ? (
            trans._n('%1 problem', '%1 problems', problems.length)
          ) : (
            ''
          )}
        </span>
        {plan ? (
          <>
            <button
              className="jp-mod-styled jp-mod-reject"
              disabled={!!busy}
              onClick={() => {
                draft.cancel();
              }}
            >
              {trans.__('Back')}
            </button>
            <button
              className="jp-mod-styled jp-mod-accept"
              disabled={!!busy || !plan.changes.some(changes)}
              onClick={() => void draft.deploy()}
            >
              {trans.__('Deploy')}
            </button>
          </>
        ) : (
          <button
            className="jp-mod-styled jp-mod-accept"
            disabled={!!busy || problems.length > 0}
            onClick={() => void draft.review()}
          >
            {trans.__('Review')}
          </button>
        )}
      </div>
    </>
  );
}

/** The services that were deployed; each can be opened. */
function Deployed(props: {
  names: readonly string[];
  open?: (name: string) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { names, open, trans } = props;
  return (
    <>
      {trans.__('✓ Deployed')}{' '}
      {names.map((name, index) => (
        <React.Fragment key={name}>
          {index > 0 && ', '}
          {open ? (
            <button
              className="jp-OscarLink"
              onClick={() => {
                open(name);
              }}
            >
              {name}
            </button>
          ) : (
            name
          )}
        </React.Fragment>
      ))}
    </>
  );
}

function Review(props: {
  plan: Plan;
  sandbox: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { plan, sandbox, trans } = props;
  const some = plan.changes.some(changes);
  return (
    <section className="jp-OscarReview" aria-label={trans.__('Review')}>
      {some && (
        <p className="jp-OscarDefinition-note">
          {sandbox ? trans.__('The sandbox takes it at once.') : plan.cost}
        </p>
      )}
      {plan.ignored.length > 0 && (
        <div className="jp-OscarReview-ignored">
          <h3>{trans.__('OSCAR would ignore')}</h3>
          <dl>
            {plan.ignored.map(key => (
              <React.Fragment key={`${key.service} ${key.key}`}>
                <dt>
                  <code>
                    {plan.changes.length > 1
                      ? `${key.service}: ${key.key}`
                      : key.key}
                  </code>
                </dt>
                <dd>{key.why}</dd>
              </React.Fragment>
            ))}
          </dl>
        </div>
      )}
      {plan.changes.map(change => (
        <div key={change.name}>
          <h3>
            {change.action === 'create'
              ? trans.__('%1 is new', change.name)
              : changes(change)
                ? trans.__('%1 changes', change.name)
                : trans.__('%1 stays as it is', change.name)}
          </h3>
          {changes(change) && <Diff text={change.diff} trans={trans} />}
        </div>
      ))}
    </section>
  );
}

function changes(change: Change): boolean {
  return change.action === 'create' || change.diff !== '';
}

/** Without the file and line that stand before it anyway. */
function said(problem: Problem): string {
  return problem.message.replace(/^fdl\.yaml(?::\d+)?: /, '');
}

function Seconds(props: {
  label: (seconds: number) => string;
}): React.JSX.Element {
  const [seconds, setSeconds] = React.useState(0);
  React.useEffect(() => {
    const timer = window.setInterval(() => {
      setSeconds(n => n + 1);
    }, 1000);
    return () => {
      window.clearInterval(timer);
    };
  }, []);
  return <>{props.label(seconds)}</>;
}
