import * as React from 'react';

import { FilterField } from '../filter';
import { number } from '../format';
import { useChanged } from '../hooks';
import { ProblemNotice, Step } from '../states';
import { FolderCommandIDs } from '../workdir/tokens';
import { Landed } from './landed';
import { Nothing } from './nothing';
import type { BucketsPanel } from './section';
import { BucketCommandIDs } from './tokens';

interface IPart extends BucketsPanel.IOptions {
  panel: BucketsPanel;
}

/** The filter, and why nothing is shown. */
export function Head(props: IPart): React.JSX.Element {
  const { filter, panel, trans } = props;
  useChanged(filter.changed);
  useChanged(panel.told);
  const { problem } = panel;
  return (
    <>
      {filter.shown ? (
        <FilterField
          filter={filter}
          label={trans.__('Beginning of the name')}
          placeholder={trans.__('Name begins with')}
          onRows={() => {
            panel.browser?.activate();
          }}
        />
      ) : null}
      {problem ? (
        <ProblemNotice
          problem={problem}
          trans={trans}
          onAgain={() => {
            panel.refresh();
          }}
        >
          {panel.path ? (
            <Step
              label={trans.__('All buckets')}
              onClick={() => {
                void panel.go('');
              }}
            />
          ) : null}
        </ProblemNotice>
      ) : null}
    </>
  );
}

/** What is said below the list: that there is more than is shown, and what just landed. */
export function Foot(props: IPart): React.JSX.Element {
  const { panel } = props;
  useChanged(panel.told);
  return (
    <>
      <Amount {...props} />
      <Mounting {...props} />
      <Landed
        {...props}
        cluster={panel.cluster ?? ''}
        places={panel.landed}
        onForget={place => {
          panel.forget(place);
        }}
      />
    </>
  );
}

function Amount(props: IPart): React.JSX.Element | null {
  const { commands, model, panel, trans } = props;
  const { listing, path } = panel;
  if (!listing || panel.problem) {
    return null;
  }
  const table = (): void => {
    if (commands.hasCommand(BucketCommandIDs.openFolder)) {
      void commands.execute(BucketCommandIDs.openFolder, {
        cluster: model.current ?? null,
        path
      });
    }
  };
  if (listing.more) {
    return (
      <p className="jp-OscarBuckets-more jp-OscarQuiet">
        {trans.__('The first %1 are shown.', number(listing.shown))}{' '}
        <button type="button" className="jp-OscarLink" onClick={table}>
          {trans.__('Open as a table')}
        </button>
      </p>
    );
  }
  return null;
}

/** In the place of rows: that there are none. */
export function Empty(props: IPart): React.JSX.Element | null {
  const { filter, panel } = props;
  useChanged(filter.changed);
  useChanged(panel.told);
  return panel.isEmpty ? (
    <Nothing
      {...props}
      cluster={panel.cluster ?? ''}
      path={panel.path}
      starts={filter.shown ? filter.text : ''}
      takesDrops
    />
  ) : null;
}

/** Below the list of buckets: that one can be had as a folder. */
function Mounting(props: IPart): React.JSX.Element | null {
  const { commands, panel, trans } = props;
  if (
    panel.path ||
    !panel.listing?.shown ||
    panel.problem ||
    !commands.hasCommand(FolderCommandIDs.mount)
  ) {
    return null;
  }
  return (
    <p className="jp-OscarBuckets-more jp-OscarQuiet">
      <button
        type="button"
        className="jp-OscarLink"
        onClick={() => {
          void commands.execute(FolderCommandIDs.mount, { path: '' });
        }}
      >
        {trans.__('Mount a bucket as a folder…')}
      </button>
    </p>
  );
}
