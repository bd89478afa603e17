import Anser, { AnserJsonEntry } from 'anser';

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

/** The classes are those that JupyterLab's themes colour in outputs. */
function colour(span: HTMLElement, part: AnserJsonEntry): void {
  for (const [side, name, exact] of [
    ['fg', part.fg, part.fg_truecolor],
    ['bg', part.bg, part.bg_truecolor]
  ]) {
    if (exact && /^\d+, ?\d+, ?\d+$/.test(exact)) {
      span.style.setProperty(
        side === 'fg' ? 'color' : 'background-color',
        `rgb(${exact})`
      );
    } else if (name && /^ansi-[a-z-]+$/.test(name)) {
      const base = name.replace('ansi-bright-', 'ansi-');
      const bright = base === name ? '' : '-intense';
      span.classList.add(`${base}${bright}-${side}`);
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
