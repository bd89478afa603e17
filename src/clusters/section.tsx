import { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { span } from '../format';
import { useChanged, useTick } from '../hooks';
import { Name, Notice, Skeleton, StateSign, Step } from '../states';
import { CommandIDs, IOscarModel } from '../tokens';
import { ClusterRow } from '../types';
import { openClusterMenu } from './menu';

/** The current cluster: which, how it is, who, until when; and what to do if it is not well. */
export function ClusterSection(
  props: ClusterSection.IProps
): React.JSX.Element {
  const { commands, model, trans } = props;
  useChanged(model.changed);
  const row = model.currentRow;
  // Minutes left are counted down.
  useTick(30_000, row?.expires_at !== null);
  if (!row) {
    return <Skeleton lines={2} label={trans.__('Asking the clusters')} />;
  }
  return (
    <div className="jp-OscarCluster">
      <button
        type="button"
        className="jp-OscarCluster-line"
        aria-haspopup="menu"
        title={trans.__('%1: other clusters, sign in, forget', row.endpoint)}
        onClick={event => {
          openClusterMenu(event.currentTarget, { commands, model });
        }}
      >
        <StateSign
          state={row.state === 'ok' ? 'ok' : 'failed'}
          label={Private.word(row, trans)}
        />
        <Name text={row.name} />
        <span className="jp-OscarQuiet jp-OscarParts">
          {row.state === 'ok' ? (
            <>
              {row.sandbox === null ? null : <span>{trans.__('local')}</span>}
              <span>{row.version}</span>
            </>
          ) : (
            <span>{Private.word(row, trans)}</span>
          )}
        </span>
        <caretDownIcon.react tag="span" className="jp-OscarCluster-caret" />
      </button>
      <div className="jp-OscarCluster-who jp-OscarQuiet jp-OscarParts">
        {row.user === null ? null : <span>{row.user}</span>}
        {row.sandbox === null ? null : (
          <span
            title={trans.__(
              'The sandbox imitates OSCAR on this machine: services run as local processes, without their images.'
            )}
          >
            {row.sandbox}
          </span>
        )}
        {Private.left(row, trans)}
      </div>
      <Trouble {...props} row={row} />
    </div>
  );
}

export namespace ClusterSection {
  export interface IProps {
    commands: CommandRegistry;
    model: IOscarModel;
    trans: TranslationBundle;
  }
}

/** What ails a cluster, and the next step. */
export function Trouble(
  props: ClusterSection.IProps & { row: ClusterRow }
): React.JSX.Element | null {
  const { commands, model, row, trans } = props;
  const [busy, setBusy] = React.useState(false);
  const step = (command: string, args = {}): void => {
    setBusy(true);
    void commands.execute(command, args).finally(() => {
      setBusy(false);
    });
  };
  const signIn = (
    <Step
      accent
      label={trans.__('Sign in')}
      onClick={() => {
        void commands.execute(CommandIDs.signIn, { cluster: row.name });
      }}
    />
  );
  switch (row.state) {
    case 'ok':
      return row.storage_problem ? (
        <Notice
          what={row.storage_problem.message}
          hint={
            row.storage_to_confirm === null
              ? row.storage_problem.hint
              : trans.__('Your keys for it and your files would go there.')
          }
        >
          {row.storage_to_confirm === null ? null : (
            <Step
              accent
              busy={busy}
              label={trans.__('Use this storage')}
              onClick={() => {
                step(CommandIDs.confirmStorage, { cluster: row.name });
              }}
            />
          )}
        </Notice>
      ) : null;
    case 'expired':
      return (
        <Notice
          what={trans.__(
            'Your sign-in to %1 ended %2 ago.',
            row.name,
            span(Date.now() / 1000 - (row.expires_at ?? 0), trans)
          )}
        >
          {signIn}
        </Notice>
      );
    case 'unauthorised':
      return (
        <Notice
          what={trans.__('%1 does not know you.', row.name)}
          hint={row.problem?.message}
        >
          {signIn}
        </Notice>
      );
    case 'refused':
      return (
        <Notice what={row.problem?.message ?? ''} hint={row.problem?.hint}>
          <Step
            busy={busy}
            label={trans.__('Look again')}
            onClick={() => {
              model.clusters.refresh();
            }}
          />
        </Notice>
      );
    default:
      return (
        <Notice
          what={
            row.problem?.message ?? trans.__('%1 does not answer.', row.name)
          }
          hint={row.problem?.hint}
        >
          {row.sandbox === null ? null : (
            <Step
              accent
              busy={busy}
              label={trans.__('Start it')}
              onClick={() => {
                step(CommandIDs.startSandbox);
              }}
            />
          )}
          <Step
            busy={busy}
            label={trans.__('Try again')}
            onClick={() => {
              model.clusters.refresh();
              model.services.refresh();
              model.calls.refresh();
            }}
          />
          {row.sandbox === null ? (
            <Step
              label={trans.__('Diagnose')}
              onClick={() => {
                void commands.execute(CommandIDs.diagnose, {
                  cluster: row.name
                });
              }}
            />
          ) : null}
        </Notice>
      );
  }
}

namespace Private {
  export function word(row: ClusterRow, trans: TranslationBundle): string {
    switch (row.state) {
      case 'ok':
        return trans.__('answers');
      case 'unreachable':
        return trans.__('does not answer');
      case 'unauthorised':
        return trans.__('not signed in');
      case 'expired':
        return trans.__('sign-in ended');
      case 'refused':
        return trans.__('not used');
      case 'failed':
        return trans.__('failed');
    }
  }

  /** How long the sign-in lasts, once that is worth knowing. */
  export function left(
    row: ClusterRow,
    trans: TranslationBundle
  ): React.JSX.Element | null {
    if (row.expires_at === null || row.state !== 'ok') {
      return null;
    }
    const seconds = row.expires_at - Date.now() / 1000;
    return seconds > 0 ? (
      <span className={seconds < 300 ? 'jp-mod-warn' : ''}>
        {trans.__('%1 left', span(seconds, trans))}
      </span>
    ) : null;
  }
}
