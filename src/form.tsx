import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { BucketRow } from './types';

/** A line of a form in which something is typed; what else an input takes goes to it. */
export function TextField(
  props: TextField.IProps &
    Omit<React.InputHTMLAttributes<HTMLInputElement>, keyof TextField.IProps>
): React.JSX.Element {
  const { label, onText, ...more } = props;
  return (
    <label className="jp-OscarForm-field">
      <span>{label}</span>
      <input
        className="jp-mod-styled"
        spellCheck={false}
        autoComplete="off"
        onChange={event => {
          onText(event.target.value);
        }}
        {...more}
      />
    </label>
  );
}

export namespace TextField {
  export interface IProps {
    label: string;
    value: string;
    onText: (text: string) => void;
  }
}

/** A line of a form that is so or not. */
export function CheckField(props: {
  label: string;
  checked: boolean;
  onCheck: (checked: boolean) => void;
}): React.JSX.Element {
  return (
    <label className="jp-OscarForm-check">
      <input
        type="checkbox"
        checked={props.checked}
        onChange={event => {
          props.onCheck(event.target.checked);
        }}
      />
      {props.label}
    </label>
  );
}

/** A line of a form in which one of the buckets is chosen. */
export function BucketField(props: {
  buckets: readonly BucketRow[];
  value: string;
  onBucket: (name: string) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  return (
    <label className="jp-OscarForm-field">
      <span>{props.trans.__('Bucket')}</span>
      <HTMLSelect
        value={props.value}
        onChange={event => {
          props.onBucket(event.target.value);
        }}
      >
        {props.buckets.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </HTMLSelect>
    </label>
  );
}
