import * as React from 'react';
import { act } from 'react';
import { createRoot, Root } from 'react-dom/client';

import { Rows } from '../../src/rows';

(
  globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }
).IS_REACT_ACT_ENVIRONMENT = true;

const LETTERS = 'Letters';

describe('Rows', () => {
  let host: HTMLElement;
  let root: Root;
  const said: string[] = [];

  beforeEach(() => {
    said.length = 0;
    host = document.createElement('div');
    document.body.appendChild(host);
    root = createRoot(host);
  });

  afterEach(() => {
    act(() => {
      root.unmount();
    });
    host.remove();
  });

  function show(rows: string[], more: Partial<Rows.IProps<string>> = {}) {
    act(() => {
      root.render(
        <Rows
          label={LETTERS}
          className="row"
          rows={rows}
          keyOf={row => row}
          selected={undefined}
          onSelect={row => said.push(`select ${row}`)}
          onOpen={row => said.push(`open ${row}`)}
          onDelete={row => said.push(`delete ${row}`)}
          {...more}
        >
          {row => <span>{row}</span>}
        </Rows>
      );
    });
  }

  const row = (name: string) =>
    host.querySelector<HTMLElement>(`[data-oscar-key="${name}"]`)!;
  const press = (key: string, more: KeyboardEventInit = {}) => {
    act(() => {
      document.activeElement!.dispatchEvent(
        new KeyboardEvent('keydown', { key, bubbles: true, ...more })
      );
    });
  };
  const focused = () =>
    (document.activeElement as HTMLElement).dataset.oscarKey;

  it('is one stop of the Tab key, and arrows go through it', () => {
    show(['a', 'b', 'c']);
    const stops = host.querySelectorAll('[tabindex="0"]');
    expect([...stops]).toEqual([row('a')]);
    act(() => {
      row('a').focus();
    });
    press('ArrowDown');
    expect(focused()).toBe('b');
    press('End');
    expect(focused()).toBe('c');
    press('ArrowDown');
    expect(focused()).toBe('c');
    press('Home');
    expect(focused()).toBe('a');
  });

  it('opens, selects and deletes by key, and leaves shortcuts alone', () => {
    show(['a', 'b']);
    act(() => {
      row('b').focus();
    });
    press('Enter');
    press(' ');
    press('Delete');
    press('Enter', { ctrlKey: true });
    expect(said).toEqual(['open b', 'select b', 'delete b']);
  });

  it('opens a row in place with the arrow keys', () => {
    const onToggle = (name: string) => said.push(`toggle ${name}`);
    show(['a'], { isOpen: () => false, onToggle });
    act(() => {
      row('a').focus();
    });
    press('ArrowRight');
    show(['a'], { isOpen: () => true, onToggle });
    expect(row('a').getAttribute('aria-expanded')).toBe('true');
    press('ArrowLeft');
    expect(said).toEqual(['toggle a', 'toggle a']);
  });

  it('keeps the focus on its row through a refresh, and near it when the row is gone', () => {
    show(['a', 'b', 'c']);
    act(() => {
      row('b').focus();
    });
    show(['x', 'a', 'b', 'c']);
    expect(focused()).toBe('b');
    show(['x', 'a', 'c']);
    expect(focused()).toBe('c');
  });
});
