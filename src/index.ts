import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { actionsPlugin } from './buckets/actions';
import { bucketsPlugin } from './buckets/commands';
import { drivesPlugin } from './buckets/drives';
import { foldersPlugin } from './buckets/folders';
import { kernelFolderPlugin } from './buckets/kernel';
import { usesPlugin } from './buckets/uses';
import { channelPlugin } from './channel';
import { clientPlugin } from './client';
import { clustersPlugin } from './clusters/commands';
import { jobsPlugin } from './jobs/commands';
import { kernelsPlugin } from './kernels';
import { logPlugin } from './jobs/log';
import { modelPlugin } from './model';
import { notebookPlugin } from './notebook';
import { runningPlugin } from './running';
import { servicesPlugin } from './services/commands';
import { deployFilePlugin } from './services/file';
import { servicePagesPlugin } from './services/page';
import { sidebarPlugin } from './sidebar';
import { statusPlugin } from './status';
import { viewsPlugin } from './views';
import { tablePlugin } from './table';
import { transfersPlugin } from './transfers';
import { workingDirectoryPlugin } from './workdir';

export * from './buckets/tokens';
export * from './tokens';

/** Loads the settings of the extension. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:plugin',
  description: 'Loads the settings of the OSCAR extension.',
  autoStart: true,
  optional: [ISettingRegistry],
  activate: (app: JupyterFrontEnd, settings: ISettingRegistry | null) => {
    settings?.load(plugin.id).catch((reason: unknown) => {
      console.error(`The settings of ${plugin.id} did not load.`, reason);
    });
  }
};

/** Each can be disabled alone; those that another requires then stay away with it. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [
  plugin,
  clientPlugin,
  channelPlugin,
  modelPlugin,
  drivesPlugin,
  clustersPlugin,
  servicesPlugin,
  jobsPlugin,
  logPlugin,
  servicePagesPlugin,
  deployFilePlugin,
  actionsPlugin,
  bucketsPlugin,
  foldersPlugin,
  usesPlugin,
  workingDirectoryPlugin,
  kernelFolderPlugin,
  sidebarPlugin,
  tablePlugin,
  transfersPlugin,
  notebookPlugin,
  kernelsPlugin,
  viewsPlugin,
  statusPlugin,
  runningPlugin
];

export default plugins;
