import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { word } from './format';
import { Problem } from './types';

export { GOING } from './tokens';

/** The sign of a state; the word stands beside it or is said by `label`. */
export function StateSign(props: StateSign.IProps): React.JSX.Element {
  const shape = Private.SHAPES[props.state] ?? Private.SHAPES.unknown;
  return (
    <svg
      className={`jp-OscarState jp-mod-${props.state in Private.SHAPES ? props.state : 'unknown'}`}
      viewBox="0 0 12 12"
      width="12"
      height="12"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      role={props.label === undefined ? undefined : 'img'}
      aria-label={props.label}
      aria-hidden={props.label === undefined ? true : undefined}
    >
      {shape}
    </svg>
  );
}

export namespace StateSign {
  export interface IProps {
    /** One of the eight; others are shown as unknown. */
    state: string;
    /** What a reader hears where the word is not shown. */
    label?: string;
  }
}

/** A state's sign and its word. */
export function State(props: {
  state: string;
  trans: TranslationBundle;
}): React.JSX.Element {
  return (
    <span className="jp-OscarState-withWord">
      <StateSign state={props.state} /> {word(props.state, props.trans)}
    </span>
  );
}

/** A designed state: what is the case and the one next step, if there is one. */
export function Notice(
  props: React.PropsWithChildren<Notice.IProps>
): React.JSX.Element {
  return (
    <div className="jp-OscarNotice">
      <p className="jp-OscarNotice-what">{props.what}</p>
      {props.hint ? <p className="jp-OscarNotice-hint">{props.hint}</p> : null}
      {props.code ? (
        <pre className="jp-OscarNotice-code">{props.code}</pre>
      ) : null}
      {props.children ? (
        <div className="jp-OscarNotice-steps">{props.children}</div>
      ) : null}
    </div>
  );
}

export namespace Notice {
  export interface IProps {
    what: string;
    hint?: string;
    /** Something to type elsewhere. */
    code?: string;
  }
}

/** Why something is not shown, in the upstream's own words; it can be tried again. */
export function ProblemNotice(
  props: React.PropsWithChildren<{
    problem: Problem;
    onAgain: () => void;
    trans: TranslationBundle;
  }>
): React.JSX.Element {
  const { children, onAgain, problem, trans } = props;
  return (
    <Notice what={problem.message} hint={problem.hint}>
      <Step label={trans.__('Try again')} onClick={onAgain} />
      {children}
    </Notice>
  );
}

/** A button as the dialogs have it; one a view is `accent`. */
export function Step(props: Step.IProps): React.JSX.Element {
  return (
    <button
      type="button"
      className={`jp-OscarStep jp-mod-styled ${props.accent ? 'jp-mod-accept' : ''}`}
      disabled={props.busy}
      aria-busy={props.busy}
      onClick={props.onClick}
    >
      {props.label}
    </button>
  );
}

export namespace Step {
  export interface IProps {
    label: string;
    accent?: boolean;
    busy?: boolean;
    onClick: () => void;
  }
}

/** As many lines as will probably come, grey until they do. */
export function Skeleton(props: {
  lines: number;
  label: string;
}): React.JSX.Element {
  return (
    <div className="jp-OscarSkeleton" role="status" aria-label={props.label}>
      {Array.from({ length: props.lines }, (_, index) => (
        <div className="jp-OscarSkeleton-line" key={index} />
      ))}
    </div>
  );
}

/** A name that is cut in its middle when there is no room, whole in the tooltip. */
export function Name(props: {
  text: string;
  className?: string;
}): React.JSX.Element {
  // The end is kept: it is what tells siblings apart.
  const kept = props.text.length > 16 ? 7 : 0;
  return (
    <span
      className={`jp-OscarName ${props.className ?? ''}`}
      title={props.text}
    >
      <span className="jp-OscarName-start">
        {props.text.slice(0, props.text.length - kept)}
      </span>
      {kept > 0 ? (
        <span className="jp-OscarName-end">{props.text.slice(-kept)}</span>
      ) : null}
    </span>
  );
}

namespace Private {
  const ring = <circle cx="6" cy="6" r="4.5" />;

  export const SHAPES: Record<string, React.JSX.Element> = {
    queued: ring,
    pending: (
      <>
        {ring}
        <path d="M6 6V1.5A4.5 4.5 0 0 1 10.5 6z" fill="currentColor" />
      </>
    ),
    running: <circle cx="6" cy="6" r="4.2" fill="currentColor" stroke="none" />,
    done: <path d="M2 6.5 4.8 9.3 10 3" />,
    failed: <path d="M2.5 2.5l7 7M9.5 2.5l-7 7" />,
    cancelled: (
      <>
        {ring}
        <path d="M2.9 9.1l6.2-6.2" />
      </>
    ),
    lost: (
      <path d="M3.8 4.2a2.2 2.2 0 1 1 3.4 1.8c-.8.5-1.2.9-1.2 1.8M6 10.4v.1" />
    ),
    unknown: <circle cx="6" cy="6" r="4.5" strokeDasharray="1.6 2.1" />,
    // Of clusters and exposed services.
    ok: <circle cx="6" cy="6" r="4.2" fill="currentColor" stroke="none" />,
    ready: <circle cx="6" cy="6" r="4.2" fill="currentColor" stroke="none" />,
    degraded: <path d="M6 2v5M6 9.6v.1" />,
    stopped: ring
  };
}
