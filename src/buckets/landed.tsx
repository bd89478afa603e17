import { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { problemOf } from '../errors';
import { duration } from '../format';
import { Action } from '../rows';
import { CommandIDs } from '../tokens';
import { FolderPage, ObjectRow, Place, WatchedBy } from '../types';
import { nameOf, toPath } from './paths';
import { IOscarDrives, IStorage } from './tokens';

/** Files that just landed of which it is said what they started. */
const SHOWN = 3;
/** Milliseconds between two looks at what a file started, at first and at last, and until nobody looks any more. */
const SOONEST = 1000;
const LATEST = 10_000;
const PATIENCE = 10 * 60_000;

/** The objects of a page that were not in the one before, the newest first. */
export function landed(before: FolderPage, now: FolderPage): ObjectRow[] {
  const known = new Map(before.objects.map(row => [row.key, row]));
  const there = new Set(now.objects.map(({ key }) => key));
  const last = now.objects.at(-1)?.key ?? '';
  // Where only the beginning is told, what was removed has drawn others up from below.
  const isMoved =
    now.cursor !== null &&
    before.objects.some(({ key }) => key < last && !there.has(key));
  return now.objects
    .filter(row => {
      const old = known.get(row.key);
      return old ? isAnew(old, row) : !isMoved;
    })
    .sort((a, b) => b.modified - a.modified);
}

/** Whether an object was written anew; the rule of `is_anew` in client/changes.py, which says why. */
export function isAnew(before: ObjectRow, now: ObjectRow): boolean {
  return before.etag && now.etag
    ? before.etag !== now.etag || before.modified < now.modified
    : before.size !== now.size || before.modified !== now.modified;
}

/** What landed in the folder that is shown, and what it started; without asking. */
export function Landed(props: Landed.IProps): React.JSX.Element | null {
  const { onForget, places, trans } = props;
  return places.length ? (
    <ul className="jp-OscarLanded" aria-label={trans.__('Just landed')}>
      {places.slice(0, SHOWN).map(place => (
        <li key={`${place.bucket}/${place.key}`}>
          <Started {...props} place={place} isQuiet onForget={onForget} />
        </li>
      ))}
    </ul>
  ) : null;
}

export namespace Landed {
  export interface IProps extends IStarted {
    places: readonly Place[];
    onForget: (place: Place) => void;
  }
}

/** With what it is said what files started. */
export interface IStarted {
  cluster: string;
  commands: CommandRegistry;
  drives: IOscarDrives;
  storage: () => Promise<IStorage>;
  trans: TranslationBundle;
}

/** Who watches a file, and what was seen after it landed: asked again until there is an output. */
export function Started(
  props: IStarted & {
    place: Place;
    /** Nothing is said where nobody watches. */
    isQuiet?: boolean;
    onForget?: (place: Place) => void;
  }
): React.JSX.Element | null {
  const { cluster, onForget, place, storage, trans } = props;
  const { bucket, key } = place;
  const [said, setSaid] = React.useState<readonly WatchedBy[]>();
  const [problem, setProblem] = React.useState('');
  React.useEffect(() => {
    let timer = 0;
    let isOver = false;
    let pause = SOONEST;
    const began = Date.now();
    const ask = async (): Promise<void> => {
      try {
        const rows = await (await storage()).triggers(cluster, bucket, key);
        if (isOver) {
          return;
        }
        setSaid(rows);
        setProblem('');
        if (rows.every(({ output }) => output)) {
          return;
        }
      } catch (reason) {
        if (isOver) {
          return;
        }
        setProblem(problemOf(reason).message);
      }
      pause = Math.min(LATEST, pause * 1.5);
      if (Date.now() - began < PATIENCE) {
        later();
      }
    };
    const later = (): void => {
      timer = window.setTimeout(() => {
        if (document.hidden) {
          later();
        } else {
          void ask();
        }
      }, pause);
    };
    void ask();
    return () => {
      isOver = true;
      window.clearTimeout(timer);
    };
  }, [cluster, bucket, key]);

  if (problem) {
    return <p className="jp-OscarQuiet">{problem}</p>;
  }
  if (!said?.length) {
    return said && !props.isQuiet ? (
      <p>
        {trans.__(
          'It starts nothing: no service that you see has its input here.'
        )}
      </p>
    ) : null;
  }
  return (
    <div className="jp-OscarStarted">
      {said.map(watched => (
        <Seen {...props} key={watched.service} watched={watched} />
      ))}
      {onForget ? (
        <Action
          icon={closeIcon}
          label={trans.__('Say no more of %1', nameOf(key))}
          onClick={() => {
            onForget(place);
          }}
        />
      ) : null}
    </div>
  );
}

/** One service that a file starts: what came after, or for how long nothing did, and its job when asked for. */
function Seen(
  props: IStarted & { place: Place; watched: WatchedBy }
): React.JSX.Element {
  const { cluster, commands, drives, place, storage, trans, watched } = props;
  const { service, output } = watched;
  const [job, setJob] = React.useState<string>();
  const find = async (): Promise<void> => {
    setJob(trans.__('looking for its job…'));
    try {
      const { bucket, key } = place;
      const found = await (
        await storage()
      ).startedJob(cluster, bucket, key, service);
      setJob(
        found.job === null
          ? trans.__('no job shows that it was started by this file')
          : trans.__('job %1', found.job)
      );
    } catch (reason) {
      setJob(problemOf(reason).message);
    }
  };
  return (
    <p className="jp-OscarQuiet" role="status">
      <strong>{nameOf(place.key)}</strong> {trans.__('watched by')}{' '}
      <button
        type="button"
        className="jp-OscarLink"
        onClick={() => {
          void commands.execute(CommandIDs.openService, { cluster, service });
        }}
      >
        {service}
      </button>
      {' · '}
      {output ? (
        <>
          {watched.by_name ? trans.__('output') : trans.__('newest output')}{' '}
          <button
            type="button"
            className="jp-OscarLink"
            title={`${watched.bucket}/${output.key}`}
            onClick={() => {
              const path = toPath({ bucket: watched.bucket, key: output.key });
              void commands.execute('docmanager:open', {
                path: `${drives.drive(cluster).name}:${path}`
              });
            }}
          >
            {nameOf(output.key)}
          </button>{' '}
          {watched.newer > 1
            ? trans.__('and %1 more are newer than it', watched.newer - 1)
            : trans.__('is newer than it')}
        </>
      ) : (
        trans.__('nothing after %1', duration(watched.after ?? 0, trans))
      )}
      {' · '}
      {job !== undefined ? (
        <span title={job}>{job}</span>
      ) : (
        <button
          type="button"
          className="jp-OscarLink"
          onClick={() => {
            void find();
          }}
        >
          {trans.__('find its job')}
        </button>
      )}
    </p>
  );
}
