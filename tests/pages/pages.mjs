// The pages as people use them, in Chromium: `tests/pages/run`.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { world } from './world.mjs';

const require = createRequire(join(process.env.POCKETCI_TEST_MODULES, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const shots = process.env.POCKETCI_TEST_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

const folder = mkdtempSync(join(tmpdir(), 'pocketci-pages-'));
const agent = await world(process.env.POCKETCI_TEST_AGENT, folder);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
const wanted = process.argv.slice(2);
let failed = 0;

async function check(name, body, options = {}) {
  if (wanted.length && !wanted.some((word) => name.includes(word))) return;
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (it) => /Content Security Policy|Refused/.test(it.text()) && wrong.push(it.text()));
  try {
    await body(page);
    assert.deepEqual(wrong, []);
    console.log(`ok    ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}\n${error.stack}`);
    if (shots) await page.screenshot({ path: join(shots, `failed-${name.replace(/\W+/g, '-')}.png`) }).catch(() => {});
  }
  await context.close();
}

const open = (page, path) => page.goto(agent.url + path);

async function until(what, condition, limit = 60_000) {
  for (const end = Date.now() + limit; Date.now() < end; ) {
    const value = await condition();
    if (value) return value;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`Not within ${limit} ms: ${what}`);
}

const newest = async () => (await agent.json('/runs?limit=1')).runs[0];
const run = (subject) => until(`a run of ${subject}`, async () => {
  const first = await newest();
  return first?.subject === subject && first.calls.length > 0 && first;
});
const call = (of, name) => of.calls.find((it) => it.function === name);
const logOf = (of, name) => `/runs/${of.id}/calls/${call(of, name).id}`;
const finished = (of) => until(`the end of run ${of.id}`, async () => (await agent.json(`/runs/${of.id}`)).state === 'finished');

await check('an empty list says what to do', async (page) => {
  await open(page, '/runs');
  await page.getByText('Nothing has run yet.').waitFor();
});

await check('a push appears while the page is open', async (page) => {
  await open(page, '/runs');
  assert.equal(await agent.push('Say hello'), 202);
  await page.getByText('Say hello').waitFor();
  await page.locator('.runs li .badge', { hasText: 'failed' }).waitFor({ timeout: 60_000 });
  assert.equal(await page.getByText('Nothing has run yet.').count(), 0);
});

await check('a log streams, follow lets go and returns', async (page) => {
  await agent.push('Stream it');
  const of = await run('Stream it');
  await until('the start', async () => call(await agent.json(`/runs/${of.id}`), 'test-on-push').state === 'running');
  await page.setViewportSize({ width: 1100, height: 560 });
  await open(page, logOf(of, 'test-on-push'));
  await page.getByText('step 60 of the build').waitFor();
  const box = page.locator('#scroller');
  const end = () => box.evaluate((it) => it.scrollHeight - it.scrollTop - it.clientHeight);
  assert.ok((await end()) < 25);
  await box.hover();
  await page.mouse.wheel(0, -300);
  await page.locator('#follow[aria-pressed="false"]').waitFor();
  const top = await box.evaluate((it) => it.scrollTop);
  const before = await end();
  await until('more lines', async () => (await end()) > before + 200);
  assert.equal(await box.evaluate((it) => it.scrollTop), top, 'it stays where one looks');
  await page.mouse.wheel(0, 100_000);
  await page.locator('#follow[aria-pressed="true"]').waitFor();
  await page.getByText('Error: exit code: 1').waitFor({ timeout: 60_000 });
});

await check('a reload in the middle loses no line and doubles none', async (page) => {
  await agent.push('Reload it');
  const of = await run('Reload it');
  await until('the start', async () => call(await agent.json(`/runs/${of.id}`), 'test-on-push').state === 'running');
  await open(page, logOf(of, 'test-on-push'));
  await page.getByText('step 40 of the build').waitFor();
  await page.reload();
  await finished(of);
  const text = await (await fetch(`${agent.url}${logOf(of, 'test-on-push')}/log?plain=1`)).text();
  const count = text.split('\n').length - 1;
  await page.locator('#state', { hasText: `${count} lines` }).waitFor();
  const numbers = [];
  for (let line = 1; line <= count; line += 20) {
    await page.evaluate((it) => (location.hash = `#L${it}`), line);
    await page.locator(`.l.aim .n[href="#L${line}"]`).waitFor();
    numbers.push(...(await page.locator('.l').evaluateAll((all) => all.map((it) => `${it.querySelector('.n').textContent} ${it.querySelector('.t').textContent}`))));
  }
  const seen = new Map(numbers.map((it) => [Number(it.split(' ', 1)[0]), it.slice(it.indexOf(' ') + 1)]));
  const lines = text.replace(/\x1b\[[0-9;]*m/g, '').split('\n').slice(0, -1);
  assert.deepEqual([...seen.keys()].sort((a, b) => a - b), lines.map((_, index) => index + 1));
  lines.forEach((line, index) => assert.equal(seen.get(index + 1), line));
});

await check('the page recovers from a restart of the server', async (page) => {
  await open(page, '/runs');
  await page.locator('.runs li').first().waitFor();
  await agent.stop();
  await page.locator('#link-state', { hasText: 'Connecting again' }).waitFor();
  await agent.start();
  await agent.push('After the restart');
  await page.getByText('After the restart').waitFor({ timeout: 60_000 });
  await page.locator('#link-state:empty').waitFor({ state: 'attached' });
});

const of = await (async () => {
  await agent.push('Look at it');
  const it = await run('Look at it');
  await finished(it);
  return (await agent.json(`/runs/${it.id}`));
})();

await check('the first error is in view, and a search walks along its matches', async (page) => {
  await open(page, logOf(of, 'test-on-push'));
  await page.getByText('--- FAIL: TestFarewell').waitFor();
  assert.equal(await page.locator('.t b').count(), 0, 'a log is no markup');
  assert.equal(await page.locator('.t .f1', { hasText: 'FAIL' }).count(), 1);
  await page.keyboard.press('/');
  await page.keyboard.type('STEP 2');
  await page.locator('#found', { hasText: 'of 111' }).waitFor();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  const first = await page.locator('#found').textContent();
  await page.keyboard.press('Shift+Enter');
  assert.notEqual(await page.locator('#found').textContent(), first);
  await page.locator('.l.here mark').first().waitFor();
});

await check('a line has an address', async (page) => {
  await open(page, `${logOf(of, 'test-on-push')}#L150`);
  await page.locator('.l.aim', { hasText: 'step 145 of the build' }).waitFor();
  await page.locator('.l .n', { hasText: /^152$/ }).click();
  assert.ok(page.url().endsWith('#L152'));
  await page.locator('.l.aim .n', { hasText: /^152$/ }).waitFor();
});

await check('steps fold, and times show on demand', async (page) => {
  await open(page, `${logOf(of, 'test-on-push')}#L1`);
  await page.getByText('step 5 of the build').waitFor();
  await page.locator('#fold').click();
  await page.getByText('301 more lines DONE').waitFor();
  await page.getByText('--- FAIL: TestFarewell').waitFor();
  await page.locator('#times').click();
  assert.match(await page.locator('.l time').first().textContent(), /^\d\d:\d\d:\d\d\.\d{3}$/);
});

await check('the keyboard is enough', async (page) => {
  await open(page, '/runs');
  await page.locator('.runs li').first().waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  const href = await page.evaluate(() => document.activeElement.getAttribute('href'));
  assert.equal(href, await page.locator('.runs .open').first().getAttribute('href'));
  await page.keyboard.press('Enter');
  await page.waitForURL(`**${href}`);
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/calls/*');
  await page.keyboard.press('t');
  await page.locator('#times[aria-pressed="true"]').waitFor();
  await open(page, '/runs');
  await page.keyboard.press('/');
  await page.keyboard.type('restart');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/runs?*q=restart*');
  await until('one run', async () => (await page.locator('.runs li').count()) === 1);
});

await check('without JavaScript the facts are all there', async (page) => {
  await open(page, '/runs');
  assert.ok((await page.locator('.runs li').count()) >= 4);
  await open(page, `/runs/${of.id}`);
  await page.getByText('docsOnPush').waitFor();
  await page.locator('.log', { hasText: 'Error: exit code: 1' }).waitFor();
  await open(page, logOf(of, 'test-on-push'));
  await page.getByText('step 300 of the build').waitFor();
  assert.ok(!(await page.locator('#viewer').isVisible()));
}, { javaScriptEnabled: false });

const everywhere = ['/runs', `/runs/${of.id}`, logOf(of, 'test-on-push'), '/deliveries', '/deliveries/1', '/waiting', '/health', '/nothing'];

await check('nothing is wider than a phone', async (page) => {
  for (const path of everywhere) {
    await open(page, path);
    await page.waitForTimeout(300);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
    if (shots) await page.screenshot({ path: join(shots, `phone${path.replace(/\W+/g, '-')}.png`) });
  }
}, { viewport: { width: 375, height: 740 } });

for (const colorScheme of ['light', 'dark']) {
  await check(`nothing stands in anybody's way, ${colorScheme}`, async (page) => {
    const all = [];
    for (const path of everywhere) {
      await open(page, path);
      await page.waitForTimeout(500);
      if (shots) await page.screenshot({ path: join(shots, `${colorScheme}${path.replace(/\W+/g, '-')}.png`), fullPage: true });
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run());
      for (const it of violations) {
        if (['serious', 'critical'].includes(it.impact)) all.push(`${path}: ${it.id}: ${it.nodes.slice(0, 3).map((node) => node.html).join(' | ')}`);
      }
    }
    assert.deepEqual(all, []);
  }, { colorScheme, bypassCSP: true });
}

await check('a log of 100 MB keeps every task short', async (page) => {
  await agent.push('Say much', 'long');
  const long = await run('Say much');
  await until('the end', async () => (await agent.json(`/runs/${long.id}`)).state === 'finished', 240_000);
  await page.addInitScript(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((it) => it.duration))).observe({ entryTypes: ['longtask'] });
  });
  await open(page, logOf(long, 'long-on-push'));
  await page.locator('#state', { hasText: /^1,000,00\d lines$/ }).waitFor({ timeout: 240_000 });
  for (const part of [0.1, 0.5, 0.9, 0.3, 1, 0]) {
    await page.locator('#scroller').evaluate((it, to) => (it.scrollTop = it.scrollHeight * to), part);
    await until('lines', async () => (await page.locator('.l .t', { hasText: /^line \d+ of/ }).count()) > 10);
  }
  await page.fill('#find', 'line 654321 of');
  await page.locator('#found', { hasText: '1 of 1' }).waitFor({ timeout: 60_000 });
  await page.locator('#found:not(:has-text("so far"))').waitFor({ timeout: 120_000 });
  await page.locator('.l.here', { hasText: 'line 654321 of' }).waitFor();
  const tasks = await page.evaluate(() => window.tasks);
  const heap = await page.evaluate(() => performance.memory.usedJSHeapSize);
  console.log(`      longest task ${Math.max(0, ...tasks)} ms of ${tasks.length} over 50 ms, ${Math.round(heap / 1e6)} MB`);
  assert.ok(Math.max(0, ...tasks) < 200, `${Math.max(...tasks)} ms`);
});

await browser.close();
await agent.close();
rmSync(folder, { recursive: true, force: true });
process.exit(failed ? 1 : 0);
