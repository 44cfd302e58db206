// Pages that stay true while one looks at them.

import assert from 'node:assert/strict';

import { EXPECTED, agent, check, finished, logOf, open, run, started, until } from './harness.mjs';

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
  await started(of, 'test-on-push');
  await page.setViewportSize({ width: 1100, height: 560 });
  await open(page, logOf(of, 'test-on-push'));
  await page.getByText('step 60 of the build').waitFor();
  const box = page.locator('#scroller');
  const end = () => box.evaluate((it) => it.scrollHeight - it.scrollTop - it.clientHeight);
  await until('the end in view', async () => (await end()) < 25);
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

// Every line that the page shows, by its number; the log as text is what it should be.
async function isWhole(page, log) {
  const text = await (await fetch(`${agent.url}${log}/log?plain=1`)).text();
  const lines = text.replace(/\x1b\[[0-9;]*m/g, '').split('\n').slice(0, -1);
  await page.locator('#state', { hasText: `${lines.length} lines` }).waitFor();
  const seen = new Map();
  for (let line = 1; line <= lines.length; line += 20) {
    await page.evaluate((it) => (location.hash = `#L${it}`), line);
    await page.locator(`.l.aim .n[href="#L${line}"]`).waitFor();
    const shown = await page.locator('.l').evaluateAll((all) =>
      all.map((it) => [Number(it.querySelector('.n').textContent), it.querySelector('.t').textContent]));
    for (const [number, words] of shown) seen.set(number, words);
  }
  assert.deepEqual([...seen.keys()].sort((a, b) => a - b), lines.map((_, index) => index + 1));
  lines.forEach((line, index) => assert.equal(seen.get(index + 1), line));
}

await check('a reload in the middle loses no line and doubles none', async (page) => {
  await agent.push('Reload it');
  const of = await run('Reload it');
  await started(of, 'test-on-push');
  await open(page, logOf(of, 'test-on-push'));
  await page.getByText('step 40 of the build').waitFor();
  await page.reload();
  await finished(of);
  await isWhole(page, logOf(of, 'test-on-push'));
});

await check('pages recover from a restart of the server', async (page) => {
  await agent.push('Before the restart');
  const of = await run('Before the restart');
  await started(of, 'test-on-push');
  const log = await page.context().newPage();
  await open(log, logOf(of, 'test-on-push'));
  await log.getByText('step 20 of the build').waitFor();
  await open(page, '/runs');
  await page.locator('.runs li').first().waitFor();
  await agent.stop();
  await page.locator('#link-state', { hasText: 'Connecting again' }).waitFor();
  await agent.start();
  await agent.push('After the restart');
  await page.getByText('After the restart').waitFor({ timeout: 60_000 });
  await page.locator('#link-state:empty').waitFor({ state: 'attached' });
  await finished(of);
  await isWhole(log, logOf(of, 'test-on-push'));
}, { allowed: EXPECTED });
