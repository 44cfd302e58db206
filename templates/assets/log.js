// The page of a log: only the lines in view are elements, however long the log is.

import { paint, plain } from './ansi.js';
import { Lines } from './lines.js';

const ROW = 20;
// Browsers know no taller elements than some ten million pixels.
const TALLEST = 8_000_000;
const AROUND = 12;
const SLICE = 8;

const $ = (id) => document.getElementById(id);
const viewer = $('viewer');
const scroller = $('scroller');
const spacer = $('spacer');
const rowsBox = $('rows');
const lines = new Lines(viewer.dataset.log);

let following = false;
let finished = viewer.dataset.finished !== undefined;
let loaded = false;
let query = '';
let matches = [];
let current = -1;
let scanned = 0;
let scanning = 0;
let aim = target();
let lastTop = 0;
let drawn = '';
let version = 0;
let frame = 0;

// Folded steps in order, each with the lines hidden before it.
let folds = [];

function refold() {
  folds = [];
  let hidden = 0;
  for (const step of lines.steps) {
    if (!step.folded) continue;
    folds.push({ step, hidden });
    hidden += step.end - step.start - 1;
  }
  folds.total = hidden;
}

const total = () => lines.count - (folds.total || 0);

// The line of a row.
function lineOf(row) {
  let low = 0;
  let high = folds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (folds[middle].step.start - folds[middle].hidden < row) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return row;
  const { step, hidden } = folds[low - 1];
  return row + hidden + step.end - step.start - 1;
}

// The row of a line; of a hidden one its step's.
function rowOf(line) {
  let hidden = 0;
  for (const fold of folds) {
    if (fold.step.start >= line) break;
    if (line < fold.step.end) return fold.step.start - fold.hidden;
    hidden = fold.hidden + fold.step.end - fold.step.start - 1;
  }
  return line - hidden;
}

function stepAt(line) {
  let low = 0;
  let high = lines.steps.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const step = lines.steps[middle];
    if (line < step.start) high = middle - 1;
    else if (line >= step.end) low = middle + 1;
    else return step;
  }
  return null;
}

// Rows and pixels: one to one, until the list would be too tall.
const height = () => Math.min(total() * ROW, TALLEST);
const span = () => Math.max(1, height() - scroller.clientHeight);
const rowSpan = () => Math.max(0, total() - scroller.clientHeight / ROW);
const scaled = () => total() * ROW > TALLEST;
const topRow = () => (scaled() ? (scroller.scrollTop / span()) * rowSpan() : scroller.scrollTop / ROW);

function scrollToRow(row) {
  scroller.scrollTop = scaled() ? (row / rowSpan()) * span() : row * ROW;
  lastTop = scroller.scrollTop;
}

function draw() {
  frame = 0;
  const tall = `${height()}px`;
  if (spacer.style.height !== tall) spacer.style.height = tall;
  if (following) {
    scroller.scrollTop = scroller.scrollHeight;
    lastTop = scroller.scrollTop;
  }
  const top = topRow();
  const first = Math.max(0, Math.floor(top) - AROUND);
  const last = Math.min(total(), Math.ceil(top + scroller.clientHeight / ROW) + AROUND);
  const at = scroller.scrollTop - (top - first) * ROW;
  const key = `${first}/${last}/${version}`;
  if (key !== drawn) {
    drawn = key;
    const fragment = document.createDocumentFragment();
    for (let row = first; row < last; row++) fragment.append(element(lineOf(row)));
    rowsBox.replaceChildren(fragment);
  }
  rowsBox.style.transform = `translateY(${at}px)`;
}

function redraw(changed = true) {
  if (changed) version++;
  frame ||= requestAnimationFrame(draw);
}

function element(index) {
  const row = document.createElement('div');
  const line = lines.line(index);
  row.className = `l ${line?.stream ?? ''}`;
  if (index === aim) row.classList.add('aim');
  if (index === matches[current]) row.classList.add('here');
  if (index === lines.firstError) row.classList.add('first');
  const number = document.createElement('a');
  number.className = 'n';
  number.href = `#L${index + 1}`;
  number.textContent = index + 1;
  number.setAttribute('aria-label', `Line ${index + 1}`);
  const time = document.createElement('time');
  time.textContent = line?.at ? line.at.slice(11, 23).replace('Z', '').padEnd(12, '0') : '';
  const step = stepAt(index);
  const fold = document.createElement(step?.start === index ? 'button' : 'span');
  fold.className = 'fold';
  if (step?.start === index) {
    fold.type = 'button';
    fold.textContent = step.folded ? '▸' : '▾';
    fold.setAttribute('aria-expanded', String(!step.folded));
    fold.setAttribute('aria-label', `Step of ${step.end - step.start} lines`);
    fold.dataset.step = index;
  }
  const text = document.createElement('span');
  text.className = 't';
  if (line) paint(text, line.text, query);
  else text.textContent = '…';
  if (step?.start === index && step.folded) {
    const more = document.createElement('i');
    more.className = `cut ${step.state === 'ERROR' ? 'bad' : ''}`;
    more.textContent = ` ${step.end - step.start - 1} more lines ${step.state}`;
    text.append(more);
  }
  row.append(number, fold, time, text);
  return row;
}

// Brings a line into the middle, and lets go of the end.
function show(line) {
  follow(false);
  const step = stepAt(line);
  if (step?.folded && step.start !== line) {
    step.folded = false;
    refold();
  }
  spacer.style.height = `${height()}px`;
  scrollToRow(Math.max(0, rowOf(line) - scroller.clientHeight / ROW / 3));
  redraw();
}

function target() {
  const found = /^#L(\d+)$/.exec(location.hash);
  return found ? Number(found[1]) - 1 : null;
}

function follow(on) {
  following = on;
  $('follow').setAttribute('aria-pressed', String(on));
  $('follow').textContent = on ? 'Following' : 'Follow';
  if (on) redraw(false);
}

scroller.addEventListener('scroll', () => {
  const top = scroller.scrollTop;
  const atEnd = top + scroller.clientHeight >= scroller.scrollHeight - 4;
  // Upwards only a person scrolls; what is new moves the end alone.
  if (following && top < lastTop - 2) follow(false);
  else if (!following && atEnd && top > lastTop && !finished) follow(true);
  lastTop = top;
  redraw(false);
}, { passive: true });

new ResizeObserver(() => redraw(false)).observe(scroller);

rowsBox.addEventListener('click', (event) => {
  const button = event.target.closest('button.fold');
  if (!button) return;
  const step = stepAt(Number(button.dataset.step));
  step.folded = !step.folded;
  follow(false);
  refold();
  redraw();
  requestAnimationFrame(() => rowsBox.querySelector(`[data-step="${step.start}"]`)?.focus({ preventScroll: true }));
});

addEventListener('hashchange', () => {
  aim = target();
  if (aim !== null && aim < lines.count) show(aim);
});

// Searching, in slices that leave the page alone.
function search(text) {
  query = text.trim().toLowerCase();
  matches = [];
  current = -1;
  scanned = 0;
  scanning++;
  redraw();
  if (query) scan(scanning);
  else $('found').textContent = '';
}

async function scan(mine) {
  let until = performance.now() + SLICE;
  while (mine === scanning && scanned < lines.count) {
    const number = lines.piece(scanned);
    const piece = lines.pieces[number];
    let texts;
    try {
      texts = await lines.lines(number);
    } catch {
      break;
    }
    if (mine !== scanning) return;
    for (let i = scanned - piece.first; i < piece.count; i++) {
      if (texts[i] && plain(texts[i].text).toLowerCase().includes(query)) matches.push(piece.first + i);
    }
    scanned = piece.first + piece.count;
    if (current < 0 && matches.length) go(nearest());
    if (performance.now() > until) {
      tally();
      await new Promise((done) => setTimeout(done));
      until = performance.now() + SLICE;
    }
  }
  tally();
}

// The first match from where one looks.
function nearest() {
  const from = lineOf(Math.floor(topRow()));
  const found = matches.findIndex((line) => line >= from);
  return found < 0 ? 0 : found;
}

function tally() {
  const done = scanned >= lines.count ? '' : ' so far';
  $('found').textContent = !query ? '' : matches.length ? `${current + 1} of ${matches.length}${done}` : `none${done}`;
}

function go(to) {
  if (!matches.length) return;
  current = (to + matches.length) % matches.length;
  show(matches[current]);
  tally();
}

let typed = 0;
$('find').addEventListener('input', (event) => {
  clearTimeout(typed);
  typed = setTimeout(() => search(event.target.value), 120);
});
$('find').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter') return;
  event.preventDefault();
  if (query !== event.target.value.trim().toLowerCase()) {
    clearTimeout(typed);
    search(event.target.value);
  } else go(current + (event.shiftKey ? -1 : 1));
});
$('next').addEventListener('click', () => go(current + 1));
$('previous').addEventListener('click', () => go(current - 1));
$('first-error').addEventListener('click', () => lines.firstError !== null && show(lines.firstError));
$('follow').addEventListener('click', () => follow(!following));
$('times').addEventListener('click', () => press('times', viewer.classList.toggle('with-times')));
$('fold').addEventListener('click', () => {
  const on = $('fold').getAttribute('aria-pressed') !== 'true';
  press('fold', on);
  const top = lineOf(Math.floor(topRow()));
  for (const step of lines.steps) step.folded = on && step.state !== 'ERROR';
  refold();
  spacer.style.height = `${height()}px`;
  if (!following) scrollToRow(rowOf(top));
  redraw();
});

function press(id, on) {
  $(id).setAttribute('aria-pressed', String(on));
}

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select')) return;
  const key = { e: 'first-error', f: 'follow', t: 'times', s: 'fold', n: 'next', N: 'previous' }[event.key];
  if (!key) return;
  $(key).click();
  event.preventDefault();
});

// What came and is not looked at yet: many pieces come at once, and a tab that looks at all of them
// in one go does nothing else meanwhile.
let backlog = [];
let pumping = false;

function later(task) {
  backlog.push(task);
  if (!pumping) setTimeout(pump);
  pumping = true;
}

function pump() {
  const until = performance.now() + SLICE;
  while (backlog.length && performance.now() < until) backlog.shift()();
  pumping = backlog.length > 0;
  if (pumping) setTimeout(pump);
}

// The stream. The browser takes it up again by itself where it was; after an answer that is an
// error, we do.
function listen() {
  backlog = [];
  const stream = new EventSource(`${viewer.dataset.log}&from=${lines.at}`);
  stream.addEventListener('lines', (event) => later(() => {
    lines.add(event.data, Number(event.lastEventId));
    if (lines.firstError !== null) $('first-error').disabled = false;
    if (query && scanned < lines.count) scan(++scanning);
    if (aim !== null && !loaded && aim < lines.count) {
      loaded = true;
      show(aim);
    }
    state();
    redraw();
  }));
  stream.addEventListener('end', (event) => {
    stream.close();
    later(() => {
      lines.end();
      ended(JSON.parse(event.data));
    });
  });
  stream.onerror = () => {
    state('Connecting again…');
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
  stream.onopen = () => state();
  addEventListener('pagehide', () => stream.close());
}

function ended({ outcome }) {
  const live = !finished;
  finished = true;
  state();
  if (loaded || aim !== null) return redraw();
  loaded = true;
  // Whoever follows stays at the end; whoever comes later sees what went wrong.
  if (!live && outcome !== 'passed' && lines.firstError !== null) show(lines.firstError);
  else if (!live) {
    follow(true);
    draw();
    follow(false);
  }
  redraw();
}

function state(words) {
  const count = `${lines.count.toLocaleString('en')} ${lines.count === 1 ? 'line' : 'lines'}`;
  if (!words) {
    if (finished) words = lines.count ? count : 'It wrote nothing';
    else words = lines.count ? `${count}, and going on` : 'Nothing written yet: lines appear here as they come';
  }
  if ($('state').textContent !== words) $('state').textContent = words;
}

lines.onready = () => redraw();
follow(!finished && aim === null);
listen();
