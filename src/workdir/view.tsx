import { TranslationBundle } from '@jupyterlab/translation';
import { folderIcon, ReactWidget } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import { useTick } from '../hooks';
import { Listening, Subscribe } from '../listening';
import { isUsable } from '../sidebar/welcome';
import { Name, Notice, Step } from '../states';
import { CommandIDs, IOscarModel } from '../tokens';
import { MountedFolder, WorkingDirectory } from '../types';
import { FolderCommandIDs } from './tokens';

/** The folders of this server that are buckets of the current cluster: its working directory first. */
export class WorkingDirectoryView extends ReactWidget {
  constructor(private readonly _options: WorkingDirectoryView.IOptions) {
    super();
    this.addClass('jp-OscarMounts');
    this._listening = new Listening(_options.subscribe);
    _options.model.changed.connect(this._listen, this);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._options.model.changed.disconnect(this._listen, this);
      this._listening.dispose();
      super.dispose();
    }
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._listen();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._listen();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._listen();
  }

  protected override render(): React.JSX.Element {
    const cluster = this._cluster;
    return (
      <>
        {cluster === undefined
          ? null
          : (this._said?.mounts ?? []).map(row => (
              <Row
                {...this._options}
                key={row.point}
                cluster={cluster}
                row={row}
              />
            ))}
      </>
    );
  }

  /** Hear of them for as long as they are seen. */
  private _listen(): void {
    const { model } = this._options;
    const cluster =
      this.isVisible && isUsable(model) && model.currentRow?.state === 'ok'
        ? model.current
        : undefined;
    if (cluster !== undefined && cluster !== this._cluster) {
      this._cluster = cluster;
      this._said = undefined;
      this.update();
    }
    this._listening.hear(cluster && `working-directory/${cluster}`, said => {
      this._said = said as WorkingDirectory;
      this.update();
    });
  }

  private _said: WorkingDirectory | undefined;
  /** Whose are shown. */
  private _cluster: string | undefined;
  private readonly _listening: Listening;
}

export namespace WorkingDirectoryView {
  export interface IOptions {
    commands: CommandRegistry;
    model: IOscarModel;
    trans: TranslationBundle;
    subscribe: Subscribe;
  }
}

interface IRow extends WorkingDirectoryView.IOptions {
  cluster: string;
  row: MountedFolder;
}

/** What a person calls a folder: where the file browser has it, or else where the machine has it. */
export function folderName(
  { path, point }: MountedFolder,
  trans: TranslationBundle
): string {
  return path === '' ? trans.__('Working directory') : (path ?? point);
}

function Row(props: IRow): React.JSX.Element {
  const { cluster, commands, row, trans } = props;
  const name = folderName(row, trans);
  const place = [row.bucket, row.folder].filter(Boolean).join('/');
  if (row.state === 'gone') {
    return <Gone {...props} name={name} place={place} />;
  }
  const { path, point } = row;
  return (
    <section className="jp-OscarMount" aria-label={name}>
      <div className="jp-OscarMount-line">
        <folderIcon.react tag="span" width="16px" height="16px" />
        {row.path === null ? (
          <span className="jp-OscarMount-name" title={row.point}>
            {name}
          </span>
        ) : (
          <button
            type="button"
            className="jp-OscarLink jp-OscarMount-name"
            title={row.point}
            onClick={() => {
              void commands.execute('filebrowser:open-path', {
                path: `/${row.path ?? ''}`
              });
            }}
          >
            {name}
          </button>
        )}
        <span className="jp-OscarFill" />
        {row.ours && row.state !== 'ending' ? (
          <button
            type="button"
            className="jp-OscarLink jp-OscarMount-undo"
            onClick={() => {
              const args = { cluster, path, point };
              void commands.execute(FolderCommandIDs.unmount, args);
            }}
          >
            {trans.__('Unmount')}
          </button>
        ) : null}
      </div>
      <p className="jp-OscarQuiet jp-OscarMount-about">
        <Name text={place} />
        <span title={waitingNames(row)} role="status">
          {progress(row, trans)}
        </span>
      </p>
      {row.watched_by.length ? (
        <p className="jp-OscarQuiet">
          {trans.__('Watched by')}{' '}
          {row.watched_by.map(({ folder, service }, index) => (
            <React.Fragment key={service}>
              {index ? ', ' : null}
              <button
                type="button"
                className="jp-OscarLink"
                title={trans.__('A new file in %1 starts it', folder)}
                onClick={() => {
                  void commands.execute(CommandIDs.openService, {
                    cluster,
                    service
                  });
                }}
              >
                {service}
              </button>
            </React.Fragment>
          ))}
        </p>
      ) : null}
    </section>
  );
}

/** Its mount is gone, and nobody undid it: what that means, and the ways on. */
function Gone(
  props: IRow & { name: string; place: string }
): React.JSX.Element {
  const { cluster, commands, name, place, row, trans } = props;
  // What is typed meanwhile counts.
  useTick(2000, true);
  const args = { cluster, point: row.point, path: row.path };
  const run = (command: string) => () => {
    void commands.execute(command, args);
  };
  return (
    <section className="jp-OscarMount" aria-label={name} role="alert">
      <Notice
        what={trans.__('%1 is no longer mounted.', name)}
        hint={
          trans.__(
            'What is saved there now does not reach %1. What you typed is still in the page.',
            place
          ) +
          (row.ours
            ? ''
            : ' ' +
              trans.__(
                'The service that runs this server mounts it; restart it if this stays.'
              ))
        }
      >
        {row.ours ? (
          <Step
            label={trans.__('Mount Again')}
            accent
            onClick={run(FolderCommandIDs.remount)}
          />
        ) : null}
        {!row.ours && commands.isEnabled(FolderCommandIDs.rescue, args) ? (
          <Step
            label={trans.__('Save Open Files to the Bucket')}
            accent
            onClick={run(FolderCommandIDs.rescue)}
          />
        ) : null}
        {row.ours ? (
          <Step
            label={trans.__('Forget')}
            onClick={run(FolderCommandIDs.unmount)}
          />
        ) : null}
      </Notice>
    </section>
  );
}

/** How far what was written there is. */
function progress(row: MountedFolder, trans: TranslationBundle): string {
  if (row.problem) {
    return row.problem.message;
  }
  if (row.waiting) {
    const files = trans._n(
      '1 file not yet written back',
      '%1 files not yet written back',
      row.waiting
    );
    return row.state === 'ending'
      ? trans.__('unmounting: %1', files)
      : row.files.some(({ errors }) => errors)
        ? trans.__('%1, tried again', files)
        : files;
  }
  return row.state === 'ending'
    ? trans.__('unmounting')
    : row.state === 'direct'
      ? trans.__('the bucket’s own folder')
      : row.read_only
        ? trans.__('read only')
        : trans.__('all is written back');
}

function waitingNames(row: MountedFolder): string {
  return row.files.map(({ key }) => key).join('\n');
}
