import { ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';

/** What a list is filtered by, while that is shown. */
export class Filter {
  get text(): string {
    return this._text;
  }

  get shown(): boolean {
    return this._shown;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  type(text: string): void {
    this._text = text;
    this._changed.emit();
  }

  show(): void {
    this._shown = true;
    this._changed.emit();
  }

  hide(): void {
    this._shown = false;
    this._text = '';
    this._changed.emit();
  }

  toggle(): void {
    if (this._shown) {
      this.hide();
    } else {
      this.show();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private _text = '';
  private _shown = false;
}

/** Where a filter is typed; it has the focus when it comes. Escape leaves it, ↓ and Enter go to what is found. */
export function FilterField(props: FilterField.IProps): React.JSX.Element {
  const { filter, label, onRows } = props;
  const input = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => {
    input.current?.focus();
  }, []);
  return (
    <div className="jp-OscarList-filter">
      <input
        ref={input}
        type="text"
        role="searchbox"
        className="jp-mod-styled"
        aria-label={label}
        placeholder={props.placeholder ?? label}
        value={filter.text}
        onChange={event => {
          filter.type(event.target.value);
        }}
        onKeyDown={event => {
          if (event.key === 'Escape') {
            filter.hide();
          } else if (event.key !== 'ArrowDown' && event.key !== 'Enter') {
            return;
          }
          onRows();
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      {props.children}
    </div>
  );
}

export namespace FilterField {
  export interface IProps {
    filter: Filter;
    label: string;
    placeholder?: string;
    /** Give the focus to what is filtered. */
    onRows: () => void;
    children?: React.ReactNode;
  }
}

/** Keys on what is filtered: `/` filters, Escape leaves it. Whether it was one of them. */
export function filterKey(
  event: Pick<KeyboardEvent, 'key' | 'preventDefault' | 'stopPropagation'> & {
    target: EventTarget;
  },
  filter: Filter,
  box: HTMLElement
): boolean {
  const field = (event.target as Element).closest('input');
  if (field?.matches(':not([role="searchbox"])')) {
    return false;
  }
  if (event.key === '/' && !field) {
    filter.show();
    box.querySelector<HTMLElement>('[role="searchbox"]')?.focus();
  } else if (event.key === 'Escape' && filter.shown) {
    filter.hide();
  } else {
    return false;
  }
  event.preventDefault();
  event.stopPropagation();
  return true;
}
