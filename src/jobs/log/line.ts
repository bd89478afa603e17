import Anser, { AnserJsonEntry } from 'anser';

import { css, DARK, LIGHT, paletteColour, readable, RGB } from './colour';

/** More of a line than this is not shown. */
const SHOWN = 4000;

/**
 * Write a line of a log into an element: its colours as spans, and what was
 * searched for marked. Text of a log becomes text, never markup.
 */
export function write(host: HTMLElement, line: string, query: RegExp | null) {
  const text = line.length > SHOWN ? line.slice(0, SHOWN) : line;
  if (text.includes('\u001b')) {
    for (const part of Anser.ansiToJson(text, {
      use_classes: true,
      remove_empty: true
    })) {
      const span = document.createElement('span');
      colour(span, part);
      mark(span, part.content, query);
      host.appendChild(span);
    }
  } else {
    mark(host, text, query);
  }
  if (line.length > SHOWN) {
    const rest = document.createElement('span');
    rest.className = 'jp-OscarLog-rest';
    rest.textContent = ` … +${(line.length - SHOWN).toLocaleString()}`;
    host.appendChild(rest);
  }
}

function mark(host: HTMLElement, text: string, query: RegExp | null): void {
  let from = 0;
  if (query) {
    query.lastIndex = 0;
    for (let hit = query.exec(text); hit?.[0]; hit = query.exec(text)) {
      host.append(text.slice(from, hit.index));
      const found = document.createElement('mark');
      found.textContent = hit[0];
      host.appendChild(found);
      from = hit.index + hit[0].length;
    }
  }
  host.append(text.slice(from));
}

/**
 * The theme's sixteen colours are the classes that JupyterLab colours in
 * outputs; any other is made readable on what it stands on.
 */
function colour(span: HTMLElement, part: AnserJsonEntry): void {
  const on = exactly(part.bg, part.bg_truecolor);
  const text = exactly(part.fg, part.fg_truecolor);
  if (on) {
    span.style.backgroundColor = css(on);
    span.style.color = css(readable(text ?? on, on));
  } else {
    themed(span, part.bg, 'bg');
    if (text) {
      span.classList.add('jp-OscarLog-exact');
      span.style.setProperty('--jp-oscar-on-light', css(readable(text, LIGHT)));
      span.style.setProperty('--jp-oscar-on-dark', css(readable(text, DARK)));
    } else {
      themed(span, part.fg, 'fg');
    }
  }
  for (const decoration of part.decorations) {
    if (decoration === 'bold' || decoration === 'underline') {
      span.classList.add(`ansi-${decoration}`);
    } else if (decoration === 'italic') {
      span.style.fontStyle = 'italic';
    }
  }
}

function themed(span: HTMLElement, name: string, side: 'fg' | 'bg'): void {
  if (name && /^ansi-[a-z-]+$/.test(name)) {
    const base = name.replace('ansi-bright-', 'ansi-');
    const bright = base === name ? '' : '-intense';
    span.classList.add(`${base}${bright}-${side}`);
  }
}

/** A colour that is none of the theme's. */
function exactly(name: string, exact: string): RGB | undefined {
  const index = /^ansi-palette-(\d+)$/.exec(name)?.[1];
  if (index !== undefined) {
    return paletteColour(Number(index));
  }
  const parts = /^(\d+), ?(\d+), ?(\d+)$/.exec(exact);
  return parts
    ? [Number(parts[1]), Number(parts[2]), Number(parts[3])]
    : undefined;
}
