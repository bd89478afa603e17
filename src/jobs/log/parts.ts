import { LabIcon } from '@jupyterlab/ui-components';

/** An element of a log, by the name that its style has. */
export function part(tag: string, name: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = `jp-OscarLog-${name}`;
  return element;
}

/** A button of a log's bar. */
export function dressed(label: string, icon?: LabIcon): HTMLButtonElement {
  const button = document.createElement('button');
  button.className = 'jp-OscarLog-button';
  button.title = label;
  button.setAttribute('aria-label', label);
  icon?.element({ container: button, tag: 'span' });
  return button;
}
