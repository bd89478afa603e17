import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { ISettingRegistry } from '@jupyterlab/settingregistry';

/**
 * Loads the settings of the extension. Panels and commands come as plugins of
 * their own, one folder per noun, so that each can be disabled alone.
 */
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

export default plugin;
