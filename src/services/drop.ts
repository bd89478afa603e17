import { Notification } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';
import { IDisposable } from '@lumino/disposable';

import { CommandIDs, isFdl } from '../tokens';
import { readFiles } from './fdl';

/** What the file browser drags: paths of the contents API. */
const CONTENTS = 'application/x-jupyter-icontents';

/** A place that takes files, dragged out of the file browser or from outside the page. */
export class DropPlace implements IDisposable {
  constructor(
    private readonly node: HTMLElement,
    private readonly take: DropPlace.ITake
  ) {
    for (const name of NAMES) {
      // Before an editor in there writes a name or a text where it stands.
      node.addEventListener(name, this, true);
    }
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      for (const name of NAMES) {
        this.node.removeEventListener(name, this, true);
      }
    }
  }

  handleEvent(event: Event): void {
    if (event.type.startsWith('lm-')) {
      this._own(event as unknown as IDragged);
    } else {
      this._native(event as DragEvent);
    }
  }

  private _native(event: DragEvent): void {
    const { dataTransfer } = event;
    if (!dataTransfer?.types.includes('Files')) {
      return;
    }
    event.preventDefault();
    this._mark(event);
    if (event.type === 'drop') {
      event.stopPropagation();
      this.take.files(Array.from(dataTransfer.files));
    }
  }

  private _own(event: IDragged): void {
    const paths = pathsOf(event.mimeData);
    if (!paths.length) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    this._mark(event);
    event.dropAction = event.proposedAction;
    if (event.type === 'lm-drop') {
      this.take.paths(paths);
    }
  }

  private _mark({
    type,
    relatedTarget
  }: Pick<MouseEvent, 'type' | 'relatedTarget'>): void {
    const leaves =
      type.endsWith('dragleave') &&
      !this.node.contains(relatedTarget as Node | null);
    this.node.classList.toggle(
      'jp-mod-dropping',
      !leaves && !type.endsWith('drop')
    );
  }

  private _isDisposed = false;
}

/** Let an FDL that is dropped on a place be deployed. */
export function acceptFdl(
  node: HTMLElement,
  commands: CommandRegistry,
  trans: TranslationBundle
): DropPlace {
  const none = (): void => {
    Notification.warning(
      trans.__('None of these is an FDL: a file that ends in .yaml or .yml.'),
      { autoClose: 5000 }
    );
  };
  return new DropPlace(node, {
    files: files => {
      void readFiles(files).then(({ fdl, scripts }) => {
        if (fdl === undefined) {
          none();
        } else {
          void commands.execute(CommandIDs.deploy, { fdl, scripts });
        }
      });
    },
    paths: paths => {
      const path = paths.find(isFdl);
      if (path === undefined) {
        none();
      } else {
        void commands.execute(CommandIDs.deployFile, { path });
      }
    }
  });
}

/** What we read of an event of lumino's. */
type IDragged = Pick<
  Drag.Event,
  | 'dropAction'
  | 'mimeData'
  | 'preventDefault'
  | 'proposedAction'
  | 'relatedTarget'
  | 'stopPropagation'
  | 'type'
>;

export namespace DropPlace {
  export interface ITake {
    /** Files from outside the page. */
    files: (files: readonly File[]) => void;
    /** Paths of the contents API. */
    paths: (paths: readonly string[]) => void;
  }
}

const NAMES = [
  'dragover',
  'dragleave',
  'drop',
  'lm-dragenter',
  'lm-dragover',
  'lm-dragleave',
  'lm-drop'
];

function pathsOf(data: MimeData): string[] {
  const found: unknown = data.getData(CONTENTS);
  return Array.isArray(found)
    ? found.filter(path => typeof path === 'string')
    : [];
}
