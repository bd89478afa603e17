import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import {
  ITranslator,
  nullTranslator,
  TranslationBundle
} from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import {
  ReadonlyJSONObject,
  ReadonlyPartialJSONObject
} from '@lumino/coreutils';

import { IOscarClient, IOscarModel } from './tokens';

/** Our words in the language of the application. */
export function words(translator: ITranslator | null): TranslationBundle {
  return (translator ?? nullTranslator).load('jupyter_oscar');
}

/** What commands work with. */
export interface IContext {
  commands: CommandRegistry;
  client: IOscarClient;
  model: IOscarModel;
  trans: TranslationBundle;
}

/** A plugin that adds commands; the ids it gives back stand in the palette, in their order. */
export function commandsPlugin(
  id: string,
  description: string,
  add: (context: IContext) => readonly string[]
): JupyterFrontEndPlugin<void> {
  return {
    id,
    description,
    autoStart: true,
    requires: [IOscarClient, IOscarModel],
    optional: [ITranslator, ICommandPalette],
    activate: (
      app: JupyterFrontEnd,
      client: IOscarClient,
      model: IOscarModel,
      translator: ITranslator | null,
      palette: ICommandPalette | null
    ) => {
      const trans = words(translator);
      const { commands } = app;
      for (const command of add({ commands, client, model, trans })) {
        palette?.addItem({ command, category: trans.__('OSCAR') });
      }
    }
  };
}

/** The description of arguments that are texts, each with what it is. */
export function described(properties: Record<string, string>): {
  args: ReadonlyJSONObject;
} {
  return {
    args: {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, description]) => [
          name,
          { type: 'string', description }
        ])
      )
    }
  };
}

/** What the arguments that many commands have are. */
export function common(
  trans: TranslationBundle
): Record<'cluster' | 'service', string> {
  return {
    service: trans.__('The service; otherwise the selected one'),
    cluster: trans.__('The cluster; otherwise the current one')
  };
}

/** The cluster and service that are named, or else the current and the selected one. */
export function meant(
  args: ReadonlyPartialJSONObject,
  model: IOscarModel,
  selected: string | undefined
): { cluster: string; service: string } | undefined {
  const cluster = (args.cluster as string | undefined) ?? model.current;
  const service = (args.service as string | undefined) ?? selected;
  return cluster !== undefined && service !== undefined
    ? { cluster, service }
    : undefined;
}
