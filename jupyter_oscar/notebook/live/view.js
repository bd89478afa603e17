// The live view of a job, a map or a services table. Nothing here is more than anywidget promises: a model with
// `view` and messages, an element to fill. Every word from a server goes in as text.

const LOG_LINES = 2000;
let views = 0;

function element(tag, name, ...children) {
  const node = document.createElement(tag);
  if (name) {
    node.className = `jp-oscar-live-${name}`;
  }
  node.append(...children.filter(child => child !== undefined && child !== ''));
  return node;
}

function button(label, title, press) {
  const node = element('button', 'button', label);
  node.type = 'button';
  node.title = title;
  node.addEventListener('click', press);
  return node;
}

function duration(ms) {
  const seconds = ms / 1000;
  if (seconds < 60) {
    return seconds < 10
      ? `${seconds.toFixed(1)} s`
      : `${Math.floor(seconds)} s`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function state(view) {
  const mark = element('span', 'mark', view.mark);
  mark.dataset.state = view.state;
  mark.setAttribute('aria-hidden', 'true');
  return mark;
}

function jobLine(view, act) {
  const name = element('span', 'name', `${view.label}${view.outputs}`);
  name.title = view.reference;
  const time = element('span', 'time');
  if (view.going) {
    time.dataset.since = view.since;
  }
  const line = element(
    'div',
    'line',
    state(view),
    name,
    element('span', 'word', view.word),
    time
  );
  line.append(
    element('span', 'space'),
    button('log', 'Show what the script prints', act.log)
  );
  if (view.going) {
    line.append(
      button('cancel', `Cancel ${view.reference}`, act.send('cancel'))
    );
  }
  return [line];
}

function mapLine(view, act) {
  const bar = element(
    'span',
    'bar',
    element('span', 'ended'),
    element('span', 'failed')
  );
  const percent = part => `${view.total ? (100 * part) / view.total : 0}%`;
  bar.children[0].style.width = percent(view.done);
  bar.children[1].style.width = percent(view.bad);
  bar.setAttribute('role', 'progressbar');
  bar.setAttribute('aria-label', view.name);
  bar.setAttribute('aria-valuemin', 0);
  bar.setAttribute('aria-valuemax', view.total);
  bar.setAttribute('aria-valuenow', view.done + view.bad);
  const name = element('span', 'name', view.name);
  name.title = view.service;
  const line = element(
    'div',
    'line',
    state(view),
    name,
    bar,
    element('span', 'count', view.word)
  );
  line.append(element('span', 'space'));
  if (view.failed.length) {
    line.append(button('failed', 'Show which failed', act.open('failed')));
  }
  if (view.going) {
    line.append(
      button(
        'cancel',
        `Cancel what has not ended of ${view.name}`,
        act.send('cancel')
      )
    );
  }
  if (view.failed.length) {
    line.append(
      button('retry failed', 'Submit the failed ones again', act.send('retry'))
    );
  }
  if (!act.isOpen('failed')) {
    return [line];
  }
  const rows = view.failed.map(([input, words]) =>
    element('tr', '', element('td', '', input), element('td', 'quiet', words))
  );
  const table = element('table', 'table', element('tbody', '', ...rows));
  const more = view.bad - view.failed.length;
  return [
    line,
    table,
    more > 0 ? element('div', 'quiet', `and ${more} more`) : ''
  ];
}

function servicesTable(view) {
  if (!view.rows.length) {
    return [element('div', 'quiet', view.word)];
  }
  const head = element(
    'tr',
    '',
    ...view.columns.map(title => element('th', '', title))
  );
  head.childNodes.forEach(cell => cell.setAttribute('scope', 'col'));
  const rows = view.rows.map(row =>
    element('tr', '', ...row.map(cell => element('td', '', cell)))
  );
  const table = element(
    'table',
    'table',
    element('thead', '', head),
    element('tbody', '', ...rows)
  );
  return [table, element('div', 'quiet', view.word)];
}

const KINDS = { job: jobLine, map: mapLine, services: servicesTable };

function render({ model, el }) {
  const id = `${Date.now()}-${views++}`;
  const body = element('div', 'body');
  const log = element('pre', 'log');
  const said = element('span', 'said');
  const opened = new Set();
  log.hidden = true;
  log.tabIndex = 0;
  log.setAttribute('aria-label', 'Log');
  said.setAttribute('aria-live', 'polite');
  el.classList.add('jp-oscar-live');
  el.append(body, log, said);

  const act = {
    send: verb => () => model.send({ do: verb }),
    isOpen: name => opened.has(name),
    open: name => () => {
      if (!opened.delete(name)) {
        opened.add(name);
      }
      draw();
    },
    log: () => {
      log.hidden = !log.hidden;
      log.textContent = '';
      model.send({ do: 'log', open: !log.hidden, view: id });
      draw();
    }
  };

  function draw() {
    const view = model.get('view');
    if (!KINDS[view.kind]) {
      return;
    }
    // Pressing a button must not lose the focus to the drawing that follows.
    const focused = [...body.querySelectorAll('button')].indexOf(
      document.activeElement
    );
    body.replaceChildren(...KINDS[view.kind](view, act).filter(Boolean));
    const buttons = body.querySelectorAll('button');
    if (focused >= 0) {
      (buttons[focused] ?? buttons[buttons.length - 1])?.focus();
    }
    body.querySelectorAll('button').forEach(node => {
      if (node.textContent === 'log' || node.textContent === 'failed') {
        const isOpen =
          node.textContent === 'log' ? !log.hidden : opened.has('failed');
        node.setAttribute('aria-expanded', String(isOpen));
        node.append(isOpen ? ' ▴' : ' ▾');
      }
    });
    tick();
    if (view.end && said.textContent !== view.end) {
      said.textContent = view.end;
    }
  }

  function tick() {
    const time = body.querySelector('[data-since]');
    if (time) {
      time.textContent = duration(
        Math.max(0, Date.now() - Number(time.dataset.since))
      );
    }
  }

  function hear(message) {
    if (log.hidden || (message.view && message.view !== id)) {
      return;
    }
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    if (message.lines) {
      log.append(...message.lines.map(line => element('div', '', line || ' ')));
    }
    while (log.childElementCount > LOG_LINES) {
      log.firstElementChild.remove();
    }
    log.dataset.empty = log.childElementCount ? '' : (message.nothing ?? '');
    if (atEnd) {
      log.scrollTop = log.scrollHeight;
    }
  }

  // The kernel asks the cluster only while somebody looks.
  let inView = true;
  const look = () => {
    const now = inView && !document.hidden;
    model.send({ do: 'look', view: id, now });
    clearInterval(ticking);
    clearInterval(looking);
    if (now) {
      ticking = setInterval(tick, 1000);
      looking = setInterval(
        () => model.send({ do: 'look', view: id, now }),
        30_000
      );
    }
  };
  let ticking;
  let looking;
  const observer = new IntersectionObserver(entries => {
    const now = entries[entries.length - 1].isIntersecting;
    if (now !== inView) {
      inView = now;
      look();
    }
  });
  observer.observe(el);
  document.addEventListener('visibilitychange', look);
  model.on('change:view', draw);
  model.on('msg:custom', hear);
  draw();
  look();

  return () => {
    inView = false;
    observer.disconnect();
    document.removeEventListener('visibilitychange', look);
    model.off('change:view', draw);
    model.off('msg:custom', hear);
    look();
  };
}

export default { render };
