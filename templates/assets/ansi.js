// A line of a log as text nodes and spans with classes: nothing of it ever becomes markup.

// Escape sequences: colours, other commands, texts for the terminal's title, the rest.
const ESCAPE = /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[()*+#% ].?|\x1b.?|\x9b[0-?]*[ -/]*[@-~]/g;
// What commands a terminal or turns the direction of what follows.
const ACTIVE = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
// A line longer than this is cut on the page; the download has all of it.
const LONGEST = 4000;

// The text without commands, as it is searched.
export function plain(text) {
  if (text.includes('\r')) text = overwritten(text);
  if (text.includes('\x1b') || text.includes('\x9b')) text = text.replace(ESCAPE, '');
  return text.replace(ACTIVE, '\ufffd');
}

// Of a line that was written over, the last writing.
function overwritten(text) {
  text = text.replace(/\r+$/, '');
  return text.slice(text.lastIndexOf('\r') + 1);
}

// Appends a line to an element; `query`, in small letters, is marked.
export function paint(element, text, query) {
  text = overwritten(text);
  let cut = 0;
  if (text.length > LONGEST) {
    cut = text.length - LONGEST;
    text = text.slice(0, LONGEST);
  }
  const style = { fg: null, bg: null, bold: false, faint: false, italic: false, under: false };
  const pieces = [];
  const take = (piece) => piece && pieces.push({ text: piece.replace(ACTIVE, '\ufffd'), classes: names(style) });
  let from = 0;
  ESCAPE.lastIndex = 0;
  for (let found; (found = ESCAPE.exec(text)); from = ESCAPE.lastIndex) {
    take(text.slice(from, found.index));
    if (found[1] !== undefined) apply(style, found[1]);
  }
  take(text.slice(from));
  const marks = query ? matches(pieces.map((piece) => piece.text).join(''), query) : [];
  let at = 0;
  for (const piece of pieces) {
    append(element, piece, marks, at);
    at += piece.text.length;
  }
  if (cut) {
    const more = document.createElement('i');
    more.className = 'cut';
    more.textContent = ` … ${cut.toLocaleString('en')} more characters, in the download`;
    element.append(more);
  }
}

// Where the query stands in a text, whatever the colours.
function matches(text, query) {
  const small = text.toLowerCase();
  const all = [];
  for (let at = 0; (at = small.indexOf(query, at)) >= 0; at += query.length) all.push([at, at + query.length]);
  return all;
}

// A piece of one style, which begins `at` so many letters into the line.
function append(element, { text, classes }, marks, at) {
  let into = element;
  if (classes) {
    into = document.createElement('span');
    into.className = classes;
    element.append(into);
  }
  let from = 0;
  for (const [begin, end] of marks) {
    const first = Math.max(from, begin - at);
    const last = Math.min(text.length, end - at);
    if (first >= last) continue;
    const mark = document.createElement('mark');
    mark.textContent = text.slice(first, last);
    into.append(text.slice(from, first), mark);
    from = last;
  }
  into.append(text.slice(from));
}

function names(style) {
  const all = [];
  if (style.fg !== null) all.push(`f${style.fg}`);
  if (style.bg !== null) all.push(`b${style.bg}`);
  for (const name of ['bold', 'faint', 'italic', 'under']) if (style[name]) all.push(name);
  return all.join(' ');
}

function apply(style, codes) {
  const list = (codes || '0').split(/[;:]/).map(Number);
  for (let i = 0; i < list.length; i++) {
    const code = list[i];
    if (code === 0) Object.assign(style, { fg: null, bg: null, bold: false, faint: false, italic: false, under: false });
    else if (code === 1) style.bold = true;
    else if (code === 2) style.faint = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.under = true;
    else if (code === 22) style.bold = style.faint = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.under = false;
    else if (code >= 30 && code <= 37) style.fg = code - 30;
    else if (code >= 90 && code <= 97) style.fg = code - 82;
    else if (code >= 40 && code <= 47) style.bg = code - 40;
    else if (code >= 100 && code <= 107) style.bg = code - 92;
    else if (code === 39) style.fg = null;
    else if (code === 49) style.bg = null;
    else if (code === 38 || code === 48) {
      const key = code === 38 ? 'fg' : 'bg';
      if (list[i + 1] === 5) {
        style[key] = near256(list[i + 2]);
        i += 2;
      } else if (list[i + 1] === 2) {
        style[key] = near(list[i + 2], list[i + 3], list[i + 4]);
        i += 4;
      }
    }
  }
}

// Of the many colours the nearest of the sixteen that the stylesheet has for light and dark.
function near256(code) {
  if (!(code >= 0 && code <= 255)) return null;
  if (code < 16) return code;
  if (code >= 232) return code < 240 ? 8 : code < 250 ? 7 : 15;
  const cube = code - 16;
  return near(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51);
}

function near(red, green, blue) {
  const top = Math.max(red, green, blue);
  if (!(top >= 0)) return null;
  if (top < 60) return 8;
  const bit = (value) => (value > top * 0.6 ? 1 : 0);
  const colour = bit(red) | (bit(green) << 1) | (bit(blue) << 2);
  if (colour === 7) return top > 200 ? 15 : 7;
  return colour + (top > 170 ? 8 : 0);
}
