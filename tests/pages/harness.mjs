// A browser, an agent with a forge of its own, and checks of what a person would notice.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { world } from './world.mjs';

export const require = createRequire(join(process.env.POCKETCI_TEST_MODULES, 'package.json'));
const { chromium } = require('playwright-core');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const shots = process.env.POCKETCI_TEST_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

const folder = mkdtempSync(join(tmpdir(), 'pocketci-pages-'));
export const agent = await world(process.env.POCKETCI_TEST_AGENT, folder);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
const wanted = process.argv.slice(2);
let failed = 0;

// What a browser says of answers that a check wants: pages that are not there, an agent that is
// away.
export const EXPECTED = /Failed to load resource: (?:net::ERR_CONNECTION_REFUSED|net::ERR_INCOMPLETE_CHUNKED_ENCODING|net::ERR_CONNECTION_RESET|net::ERR_EMPTY_RESPONSE|net::ERR_NETWORK|the server responded with a status of 404)|net::ERR_(?:CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET)/;

// Does something with a page of its own; no check may leave an error in the console, run against
// the content security policy, or ask anybody but the agent for anything.
//   as: the token of somebody who has signed in; allowed: what the console may say.
export async function check(name, body, { as, allowed, ...options } = {}) {
  if (wanted.length && !wanted.some((word) => name.includes(word))) return;
  const began = Date.now();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const wrong = [];
  context.on('request', (it) => it.url().startsWith(`${agent.url}/`) || wrong.push(`asked ${it.url()}`));
  context.on('console', (it) => {
    const text = it.text();
    if (it.type() === 'error' && !allowed?.test(text)) wrong.push(`said ${text} (${it.location().url})`);
  });
  page.on('pageerror', (error) => wrong.push(String(error)));
  try {
    if (as) await signIn(page, as);
    await body(page);
    assert.deepEqual(wrong, []);
    console.log(`ok    ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}\n${error.stack}`);
    if (wrong.length) console.log(wrong.join('\n'));
    await picture(page, `failed-${name}`).catch(() => {});
  }
  await context.close();
}

// What a check needs is not there.
export function lost(error) {
  failed++;
  console.log(`FAIL  ${error.stack}`);
}

export async function end() {
  await browser.close();
  await agent.close();
  rmSync(folder, { recursive: true, force: true });
  process.exit(failed ? 1 : 0);
}

export async function signIn(page, token) {
  const answer = await page.request.post(`${agent.url}/sign-in`, { form: { token, next: '/health' } });
  assert.equal(answer.status(), 200);
}

export async function picture(page, name, options = {}) {
  if (shots) await page.screenshot({ path: join(shots, `${name.replace(/\W+/g, '-').replace(/^-|-$/g, '')}.png`), ...options });
}

export const open = (page, path) => page.goto(agent.url + path);

export async function until(what, condition, limit = 60_000) {
  for (const end = Date.now() + limit; Date.now() < end; ) {
    const value = await condition();
    if (value) return value;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`Not within ${limit} ms: ${what}`);
}

const newest = async () => (await agent.json('/runs?limit=1')).runs[0];

// The newest run, once it is of this commit or pull request.
export const run = (subject) => until(`a run of ${subject}`, async () => {
  const first = await newest();
  return first?.subject === subject && first.calls.length > 0 && first;
});

export const call = (of, name) => of.calls.find((it) => it.function === name);
export const logOf = (of, name) => `/runs/${of.id}/calls/${call(of, name).id}`;

export const started = (of, name) => until(`the start of ${name}`, async () =>
  call(await agent.json(`/runs/${of.id}`), name).state === 'running');

export const finished = (of, limit) => until(`the end of run ${of.id}`, async () =>
  (await agent.json(`/runs/${of.id}`)).state === 'finished', limit);

// Pushes, and waits for the end of what comes of it.
export async function ran(subject, branch, limit) {
  await agent.push(subject, branch);
  const of = await run(subject);
  await finished(of, limit);
  return agent.json(`/runs/${of.id}`);
}
