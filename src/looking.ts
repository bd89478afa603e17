import { IDisposable } from '@lumino/disposable';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { IOscarModel } from './tokens';

/** Have the model look for as long as a widget is seen, wherever it stands. */
export function lookWhileSeen(widget: Widget, model: IOscarModel): void {
  let looking: IDisposable | null = null;
  MessageLoop.installMessageHook(widget, (_, { type }) => {
    // Its own flag is set by the message that has yet to reach it.
    if (
      type === 'after-show' ||
      (type === 'after-attach' &&
        !widget.isHidden &&
        (!widget.parent || widget.parent.isVisible))
    ) {
      looking ??= model.look();
    } else if (type === 'before-hide' || type === 'before-detach') {
      looking?.dispose();
      looking = null;
    }
    return true;
  });
}
