import { ISignal } from '@lumino/signaling';
import * as React from 'react';

/** Render again whenever a signal is emitted. */
export function useChanged<S, T>(signal: ISignal<S, T>): void {
  const [, again] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const onChanged = (_: S): void => {
      again();
    };
    signal.connect(onChanged);
    // What changed between rendering and connecting.
    again();
    return () => {
      signal.disconnect(onChanged);
    };
  }, [signal]);
}

/** What changes a thing that a form was given, and renders the form again. */
export function useChange<T extends object>(
  thing: T
): (change: Partial<T>) => void {
  const [, again] = React.useReducer((count: number) => count + 1, 0);
  return change => {
    Object.assign(thing, change);
    again();
  };
}

/** Render again every so many milliseconds while `active` and the tab is visible. */
export function useTick(period: number, active: boolean): void {
  const [, again] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    if (!active) {
      return;
    }
    const timer = window.setInterval(() => {
      if (!document.hidden) {
        again();
      }
    }, period);
    return () => {
      window.clearInterval(timer);
    };
  }, [period, active]);
}
