import { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

/** A button in the bar above a table. */
export function BarButton(props: {
  icon: LabIcon;
  label: string;
  onClick: () => void;
}): React.JSX.Element {
  return (
    <button
      type="button"
      className="jp-OscarButton"
      title={props.label}
      aria-label={props.label}
      onClick={props.onClick}
    >
      <props.icon.react tag="span" />
    </button>
  );
}
