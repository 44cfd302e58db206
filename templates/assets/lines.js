// The lines of a log, as they come: kept in the pieces in which they came, the older of a long log
// only as the place where they are to be had again.

import { plain } from './ansi.js';

// Characters of pieces that are kept; what is older is asked for again.
const KEPT = 48 * 1024 * 1024;
// Pieces whose lines are at hand.
const READY = 48;

const STEP = /^(\d+) +: /;
const ARROW = /^[▼▶] /;
const ENDED = /(DONE|CACHED|ERROR|CANCELED)(?: \[([^\]]+)\])?$/;
// What stands before a step's own words.
const PREFIX = /^\d+ +: (?:[┆│|] )*(?:\[[^\]]*\] (?:[┆│|] )?)?/;
const ERROR = /^Error: |^! |^(?:--- )?FAIL\b|^panic: |\bERROR(?: \[|:)|^error(?:\[\w+\])?: |^fatal: |^E {2,}|^Traceback \(most recent/;

export class Lines {
  constructor(address) {
    this.address = address;
    this.pieces = [];
    this.count = 0;
    this.size = 0;
    this.dropped = 0;
    this.ready = new Map();
    this.steps = [];
    this.step = null;
    this.firstError = null;
    // Told when something that was missing is there.
    this.onready = () => {};
  }

  // Takes a piece as it came; `end` is where it ends in the log.
  add(data, end) {
    const lines = JSON.parse(data);
    if (!lines.length) return;
    const last = this.pieces.at(-1);
    const from = last ? last.end : 0;
    // What is known already, after the stream began anew.
    if (end <= from) return;
    const piece = { first: this.count, count: lines.length, from, end, data };
    this.pieces.push(piece);
    for (const line of lines) this.look(line.text);
    this.size += data.length;
    this.keep(piece, lines);
    while (this.size > KEPT && this.dropped < this.pieces.length - 1) {
      const old = this.pieces[this.dropped++];
      this.size -= old.data.length;
      old.data = null;
    }
  }

  // Notes steps and the first error as lines go by.
  look(raw) {
    const index = this.count++;
    const text = plain(raw);
    if (this.firstError === null && ERROR.test(text.replace(PREFIX, ''))) this.firstError = index;
    const begins = STEP.test(text) || ARROW.test(text);
    if (this.step && (text === '' || (!begins && !this.step.arrow))) {
      this.close(index);
    }
    if (!this.step && begins) {
      this.step = { start: index, end: index + 1, arrow: ARROW.test(text), state: '', folded: false };
    }
    if (this.step) {
      this.step.end = index + 1;
      const ended = ENDED.exec(text);
      if (ended) this.step.state = ended[1] === 'ERROR' || this.step.state === 'ERROR' ? 'ERROR' : ended[1];
    }
  }

  close(index) {
    this.step.end = index;
    if (this.step.end - this.step.start > 1) this.steps.push(this.step);
    this.step = null;
  }

  end() {
    if (this.step) this.close(this.count);
  }

  // Where the stream goes on.
  get at() {
    return this.pieces.at(-1)?.end ?? 0;
  }

  // The number of the piece that has a line.
  piece(index) {
    let low = 0;
    let high = this.pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.pieces[middle].first <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // A line if it is at hand; else undefined, and `onready` is told when it is.
  line(index) {
    const number = this.piece(index);
    const piece = this.pieces[number];
    if (!piece) return undefined;
    const lines = this.now(piece);
    if (lines) return lines[index - piece.first];
    this.fetch(piece).then(() => this.onready(), () => {});
    return undefined;
  }

  now(piece) {
    const ready = this.ready.get(piece.first);
    if (ready) return ready;
    return piece.data === null ? undefined : this.keep(piece, JSON.parse(piece.data));
  }

  keep(piece, lines) {
    this.ready.delete(piece.first);
    this.ready.set(piece.first, lines);
    if (this.ready.size > READY) this.ready.delete(this.ready.keys().next().value);
    return lines;
  }

  // The lines of a piece, wherever they are.
  async lines(number) {
    const piece = this.pieces[number];
    return this.now(piece) ?? this.fetch(piece);
  }

  fetch(piece) {
    piece.coming ??= this.ask(piece).finally(() => (piece.coming = null));
    return piece.coming;
  }

  async ask(piece) {
    const stop = new AbortController();
    const address = `${this.address}&from=${piece.from}`;
    const answer = await fetch(address, { headers: { accept: 'application/jsonl' }, signal: stop.signal });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const lines = [];
    let rest = '';
    while (lines.length < piece.count) {
      const { done, value } = await reader.read();
      if (done) break;
      const texts = (rest + value).split('\n');
      rest = texts.pop();
      for (const text of texts) if (lines.length < piece.count) lines.push(JSON.parse(text));
    }
    stop.abort();
    return this.keep(piece, lines);
  }
}
