import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { useChanged } from '../hooks';
import { IOscarModel } from '../tokens';

/** How many dataflows run and how many events wait in all of them: said in the header, also of a closed section. */
export function FlowsSummary(props: {
  model: IOscarModel;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { model, trans } = props;
  useChanged(model.flows.changed);
  const rows = model.flows.rows ?? [];
  const running = rows.filter(row => row.state === 'running').length;
  const queued = rows.reduce((sum, row) => sum + row.queued, 0);
  const parts = [
    ...(running > 0 ? [trans._n('%1 running', '%1 running', running)] : []),
    ...(queued > 0 ? [trans._n('%1 queued', '%1 queued', queued)] : [])
  ];
  return (
    <span className="jp-OscarSection-summary jp-OscarQuiet">
      {parts.join(' · ')}
    </span>
  );
}

/** Whether there is a dataflow to show, or a NiFi of which it is not known. */
export function hasFlows(model: IOscarModel): boolean {
  return (model.flows.rows?.length ?? 0) > 0;
}
