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

/** Two lines of a form: one of the buckets is chosen, and a folder in it typed, which need not be there yet. */
export function PlaceFields(props: {
  buckets: readonly BucketRow[];
  bucket: string;
  folder: string;
  /** What no folder means. */
  placeholder: string;
  onChange: (change: { bucket: string } | { folder: string }) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { bucket, buckets, folder, onChange, placeholder, trans } = props;
  return (
    <>
      <label className="jp-OscarForm-field">
        <span>{trans.__('Bucket')}</span>
        <HTMLSelect
          value={bucket}
          onChange={event => {
            onChange({ bucket: event.target.value });
          }}
        >
          {buckets.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </HTMLSelect>
      </label>
      <TextField
        label={trans.__('Folder in it')}
        name="folder"
        value={folder}
        placeholder={placeholder}
        onText={typed => {
          onChange({ folder: typed });
        }}
      />
    </>
  );
}
