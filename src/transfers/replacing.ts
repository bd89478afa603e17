import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

/** Files that are looked up before they are written, and how many at a time; of more it is asked once for all. */
const LOOKED_UP = 200;
const AT_ONCE = 8;

/** Whether these files may be written; asks where some of them are there already. */
export async function mayReplace(
  names: readonly string[],
  options: {
    isThere: (name: string) => Promise<boolean>;
    /** What is asked where they are too many to look for: whether to do it, and what the button says. */
    all: { title: string; label: string };
    trans: TranslationBundle;
  }
): Promise<boolean> {
  const { all, isThere, trans } = options;
  if (names.length > LOOKED_UP) {
    const body = trans.__('Those that are there already are replaced.');
    return Private.agreed(all.title, body, all.label);
  }
  const there = await Private.found(names, isThere);
  if (there.length === 0) {
    return true;
  }
  const body = trans.__('What is there is replaced.');
  return there.length === 1
    ? Private.agreed(
        trans.__('%1 is there already', there[0]),
        body,
        trans.__('Replace %1', there[0])
      )
    : Private.agreed(
        trans.__('%1 of these files are there already', there.length),
        body,
        trans.__('Replace %1 files', there.length)
      );
}

namespace Private {
  /** The names of those under which there is something. */
  export async function found(
    names: readonly string[],
    isThere: (name: string) => Promise<boolean>
  ): Promise<string[]> {
    const there: string[] = [];
    const left = names.values();
    const look = async (): Promise<void> => {
      for (const name of left) {
        if (await isThere(name)) {
          there.push(name);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, look));
    return there;
  }

  export async function agreed(
    title: string,
    body: string,
    label: string
  ): Promise<boolean> {
    const { button } = await showDialog({
      title,
      body,
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label })]
    });
    return button.accept;
  }
}
