// Keeps a page true while one looks at it: what the server has changed is taken over from the
// page itself, asked for again. Without this script the page loads itself anew.

const QUIET = 250;
const body = document.body;
const linkState = document.getElementById('link-state');

// What the server said last of each part, so that only what it changed is touched.
const known = new Map();
remember(document);

function parts(root) {
  return root.querySelectorAll('[data-live]');
}

function lists(root) {
  return root.querySelectorAll('[data-rows]');
}

function remember(root) {
  for (const part of parts(root)) known.set(part.id, part.outerHTML);
  for (const list of lists(root)) {
    for (const row of list.children) known.set(`${list.id}/${row.id}`, row.outerHTML);
  }
}

// Replaces an element, and keeps what somebody is doing in it.
function replace(old, fresh) {
  const open = [...old.querySelectorAll('details[open]')].map((it) => it.id || it.textContent);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const place = focused && path(old, focused);
  fresh = document.importNode(fresh, true);
  for (const it of fresh.querySelectorAll('details')) {
    if (open.includes(it.id || it.textContent)) it.open = true;
  }
  old.replaceWith(fresh);
  if (place) find(fresh, place)?.focus({ preventScroll: true });
  return fresh;
}

function path(root, node) {
  const places = [];
  for (; node !== root; node = node.parentElement) {
    places.unshift([...node.parentElement.children].indexOf(node));
  }
  return places;
}

function find(root, places) {
  return places.reduce((node, place) => node?.children[place], root);
}

function take(fresh) {
  document.title = fresh.title;
  for (const part of parts(fresh)) {
    const html = part.outerHTML;
    const old = document.getElementById(part.id);
    if (!old || known.get(part.id) === html) continue;
    known.set(part.id, html);
    dress(replace(old, part));
  }
  for (const list of lists(fresh)) takeRows(list);
}

function takeRows(list) {
  const old = document.getElementById(list.id);
  if (!old) return;
  const wanted = new Set([...list.children].map((row) => row.id));
  for (const row of [...old.children]) if (!wanted.has(row.id)) row.remove();
  let before = null;
  for (const row of list.children) {
    const key = `${list.id}/${row.id}`;
    const html = row.outerHTML;
    let mine = document.getElementById(row.id);
    if (!mine) {
      mine = document.importNode(row, true);
      mine.classList.add('fresh');
    } else if (known.get(key) !== html) {
      mine = replace(mine, row);
    }
    known.set(key, html);
    const next = before ? before.nextElementSibling : old.firstElementChild;
    if (next !== mine) old.insertBefore(mine, next);
    before = mine;
  }
}

let timer = null;
let busy = false;
let again = false;

function later() {
  again = true;
  if (!timer && !busy) timer = setTimeout(load, QUIET);
}

async function load() {
  timer = null;
  busy = true;
  again = false;
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
    // Somebody has signed out, or the session is over.
    if (answer.redirected) location.reload();
    else if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), 'text/html'));
    else if (answer.status >= 500) again = true;
  } catch {
    again = true;
  }
  busy = false;
  if (again) timer = setTimeout(load, 4 * QUIET);
}

// The stream of changes; the browser comes back by itself, unless it was answered with an error.
function listen(address) {
  const stream = new EventSource(address);
  stream.onopen = () => say('');
  stream.onerror = () => {
    say('Connecting again…');
    if (stream.readyState !== EventSource.CLOSED) return;
    later();
    setTimeout(() => listen(address), 3000);
  };
  for (const name of ['run', 'delivery', 'reload']) stream.addEventListener(name, later);
  addEventListener('pagehide', () => stream.close());
}

function say(words) {
  if (linkState && linkState.textContent !== words) linkState.textContent = words;
}

if (body.dataset.events) listen(body.dataset.events);
if (body.dataset.every) setInterval(later, Number(body.dataset.every) * 1000);
// A page from the browser's own memory is an old one.
addEventListener('pageshow', (event) => event.persisted && location.reload());

// The same words as the server's.
function duration(millis) {
  const seconds = Math.floor(millis / 1000);
  if (seconds < 10) return `${seconds}.${Math.floor((millis % 1000) / 100)} s`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function ago(millis) {
  const seconds = Math.floor(millis / 1000);
  if (seconds < 60) return 'just now';
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 172800) return 'yesterday';
  return `${Math.floor(seconds / 86400)} days ago`;
}

function tick() {
  const now = Date.now();
  for (const it of document.querySelectorAll('[data-since]')) {
    const millis = Math.max(0, now - Date.parse(it.dataset.since));
    set(it, duration(millis < 60000 ? Math.floor(millis / 1000) * 1000 : millis).replace('.0', ''));
  }
  for (const it of document.querySelectorAll('time[data-ago]')) {
    set(it, ago(now - Date.parse(it.dateTime)));
  }
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

setInterval(() => document.visibilityState === 'visible' && tick(), 1000);

// A button beside what is to be pasted.
function dress(root) {
  for (const block of root.querySelectorAll('[data-copy]')) {
    if (!navigator.clipboard || block.querySelector('button')) continue;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = 'Copy';
    button.addEventListener('click', async () => {
      const text = block.querySelector('code').textContent;
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
      setTimeout(() => (button.textContent = 'Copy'), 1500);
    });
    block.append(button);
  }
}

dress(document);

// Whoever signs in comes back to where they were.
for (const link of document.querySelectorAll('a[data-back]')) {
  link.href += `?next=${encodeURIComponent(location.pathname + location.search)}`;
}

// j and k walk along a list, Enter opens, / searches, r offers to run again.
function rows() {
  const of = body.classList.contains('log-page') ? [] : document.querySelectorAll('.runs .open');
  return of.length ? [...of] : [...document.querySelectorAll('.call h3 a')];
}

function walk(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const to = at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step;
  const link = all[Math.min(Math.max(to, 0), all.length - 1)];
  link.focus({ preventScroll: true });
  (link.closest('li, article') || link).scrollIntoView({ block: 'nearest' });
}

function offer() {
  const row = document.activeElement?.closest('.runs li');
  const link = row?.querySelector('a.open[href^="/runs/"]');
  if (link) {
    location.href = `${link.getAttribute('href')}#rerun`;
    return;
  }
  const summary = document.querySelector('summary[data-key="r"]');
  if (!summary) return;
  summary.parentElement.open = true;
  summary.parentElement.querySelector('button').focus();
}

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input, textarea, select')) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  const search = document.querySelector('[data-search]');
  if (event.key === 'j') walk(1);
  else if (event.key === 'k') walk(-1);
  else if (event.key === 'r') offer();
  else if (event.key === '/' && search) {
    search.focus();
    search.select();
  } else return;
  event.preventDefault();
});

if (location.hash === '#rerun') offer();
