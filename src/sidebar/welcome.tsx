import { Clipboard } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { useChanged } from '../hooks';
import { Notice, ProblemNotice, Step } from '../states';
import { CommandIDs, IOscarModel } from '../tokens';

const INSTALL = 'pip install jupyter-oscar';

/** Whether there is something to show in the sections; otherwise the welcome says what to do. */
export function isUsable(model: IOscarModel): boolean {
  return (
    !model.healthProblem &&
    !(model.clusters.rows?.length === 0) &&
    !(model.clusters.problem && !model.clusters.rows)
  );
}

/** What there is to show, or else what to do for it. */
export function Usable(
  props: React.PropsWithChildren<
    Welcome.IProps & {
      /** Whether somebody else beside it says what to do. */
      isSaid?: () => boolean;
      /** Whether it has something to show although there is no cluster. */
      alone?: () => boolean;
    }
  >
): React.JSX.Element | null {
  useChanged(props.model.changed);
  useChanged(props.model.flows.changed);
  if (isUsable(props.model) || props.alone?.()) {
    return <>{props.children}</>;
  }
  return props.isSaid?.() ? null : <Welcome {...props} />;
}

/** What stands in the sidebar before there is a cluster: what is missing, the next step, and what there is without one. */
export function Welcome(
  props: React.PropsWithChildren<Welcome.IProps>
): React.JSX.Element | null {
  const { commands, model, trans } = props;
  const [busy, setBusy] = React.useState(false);
  const [copied, setCopied] = React.useState(false);
  useChanged(model.changed);
  useChanged(model.clusters.changed);

  const problem = model.healthProblem;
  if (problem && PageConfig.getOption('appName') === 'JupyterLite') {
    // Nothing can be installed into a page that has no server.
    return (
      <Notice
        what={trans.__(
          'OSCAR needs a Jupyter server, and JupyterLite has none.'
        )}
        hint={trans.__(
          'Open this in JupyterLab or on a JupyterHub to use your clusters.'
        )}
      />
    );
  }
  if (problem?.code === 'server-missing') {
    return (
      <Notice
        what={problem.message}
        hint={trans.__('In its environment run this, then restart it:')}
        code={INSTALL}
      >
        <Step
          accent
          label={copied ? trans.__('Copied') : trans.__('Copy command')}
          onClick={() => {
            Clipboard.copyToSystem(INSTALL);
            setCopied(true);
          }}
        />
        <Step
          label={trans.__('Try again')}
          onClick={() => {
            void model.retry();
          }}
        />
      </Notice>
    );
  }
  const trouble = problem ?? model.clusters.problem;
  if (trouble && !model.clusters.rows) {
    return (
      <ProblemNotice
        problem={trouble}
        trans={trans}
        onAgain={() => {
          void model.retry();
          model.clusters.refresh();
        }}
      />
    );
  }
  if (model.clusters.rows?.length !== 0) {
    return null;
  }
  const allowed = model.health?.capabilities;
  return (
    <>
      <Notice
        what={
          allowed?.sandbox === false
            ? trans.__('No OSCAR yet. Connect to yours.')
            : allowed?.user_clusters === false
              ? trans.__('No OSCAR yet. Start one on this machine.')
              : trans.__(
                  'No OSCAR yet. Start one on this machine, or connect to yours.'
                )
        }
      >
        {allowed?.sandbox === false ? null : (
          <Step
            accent
            busy={busy}
            label={
              busy ? trans.__('Starting…') : trans.__('Start a local OSCAR')
            }
            onClick={() => {
              setBusy(true);
              void commands.execute(CommandIDs.startSandbox).finally(() => {
                setBusy(false);
              });
            }}
          />
        )}
        {allowed?.user_clusters === false ? null : (
          <Step
            accent={allowed?.sandbox === false}
            label={trans.__('Connect…')}
            onClick={() => {
              void commands.execute(CommandIDs.addCluster);
            }}
          />
        )}
      </Notice>
      {props.children}
    </>
  );
}

export namespace Welcome {
  export interface IProps {
    commands: CommandRegistry;
    model: IOscarModel;
    trans: TranslationBundle;
  }
}
