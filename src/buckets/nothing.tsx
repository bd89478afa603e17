import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { Notice, Step } from '../states';
import { BucketCommandIDs } from './tokens';

/** What is said of a list with nothing in it, and what to do then. */
export function Nothing(props: {
  cluster: string;
  path: string;
  /** With what the names begin that are listed. */
  starts: string;
  /** Whether the list takes files that are dropped. */
  takesDrops?: boolean;
  commands: CommandRegistry;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { cluster, commands, path, starts, takesDrops, trans } = props;
  if (starts) {
    return (
      <p className="jp-OscarList-none jp-OscarQuiet">
        {trans.__('Nothing begins with "%1".', starts)}
      </p>
    );
  }
  const command = path
    ? BucketCommandIDs.uploadFiles
    : BucketCommandIDs.newBucket;
  return (
    <Notice
      what={
        path
          ? takesDrops
            ? trans.__('Nothing here yet. Drop files here, or pick some.')
            : trans.__('Nothing here yet.')
          : trans.__('No buckets yet. Services read their files from one.')
      }
    >
      {commands.hasCommand(command) ? (
        <Step
          accent
          label={path ? trans.__('Upload Files…') : trans.__('New Bucket…')}
          onClick={() => {
            void commands.execute(command, { cluster, path });
          }}
        />
      ) : null}
    </Notice>
  );
}
