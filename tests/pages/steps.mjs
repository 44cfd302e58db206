// The steps of a call, as a tree.

import assert from 'node:assert/strict';

import { agent, call, check, finished, logOf, open, picture, run, until } from './harness.mjs';

// Longer than this, and one notices that the tab is busy.
const LONGEST = 200;

await agent.pushSteps('Look at steps');
const first = await run('Look at steps');
await finished(first);
const of = await agent.json(`/runs/${first.id}`);
const failed = logOf(of, 'test-on-push');
const many = logOf(of, 'many-on-push');

await check('the step that failed is open with its own log, and cached steps are marked', async (page) => {
  await open(page, failed);
  const exec = page.locator('#trace li.bad', { hasText: 'exit 3' }).last();
  const output = exec.locator('pre.log');
  await output.waitFor();
  await output.getByText('ok case 40').waitFor();
  assert.ok(!(await output.textContent()).includes('built'), 'it is its own output alone');
  await output.locator('.err', { hasText: 'FAIL' }).waitFor();
  // Its box begins at the end of the log, where the reason is; a failing line may come before the
  // last of the other stream.
  const within = await output.evaluate((box) => {
    const last = [...box.querySelectorAll('.lines > span')].at(-1);
    const [inner, outer] = [last.getBoundingClientRect(), box.getBoundingClientRect()];
    return inner.top >= outer.top && inner.bottom <= outer.bottom;
  });
  assert.ok(within, 'the last line is in view in its box');
  // It is seen without scrolling through what passed, and the page says its name.
  await page.locator('#trace > .meta a', { hasText: 'Container.withExec' }).waitFor();
  assert.ok(await exec.locator('summary').first().evaluate((it) => it.getBoundingClientRect().top < innerHeight));
  await page.locator('#trace li', { hasText: 'Query.ci' }).last().locator('.tag', { hasText: 'cached' }).waitFor();
  // What passed is closed, and shows its own output when it is opened.
  const passed = page.locator('#trace details', { hasText: 'echo built' }).last();
  assert.equal(await passed.evaluate((it) => it.open), false);
  await passed.locator(':scope > summary').click();
  await passed.locator('pre.log', { hasText: 'built' }).first().waitFor();
  assert.equal(await passed.locator('pre.log', { hasText: 'FAIL' }).count(), 0);
  for (const step of [exec, passed]) assert.match(await step.locator('.took').first().textContent(), /\d (ms|s)/);
  await picture(page, 'steps-failed', { fullPage: true });
});

await check('5,000 steps open at once, and none of them holds the page up', async (page) => {
  const told = await agent.json(`/runs/${of.id}/calls/${call(of, 'many-on-push').id}/spans`);
  assert.ok(told.steps.length > 5000, `${told.steps.length} steps`);
  await page.addInitScript(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((it) => it.duration))).observe({ entryTypes: ['longtask'] });
  });
  const tools = await page.context().newCDPSession(page);
  await tools.send('Performance.enable');
  const busy = async () => (await tools.send('Performance.getMetrics')).metrics.find((it) => it.name === 'TaskDuration').value;
  // A busy machine may take the processor away from any task, but hardly in both rounds.
  let longest = Infinity;
  for (let round = 1; round <= 2 && longest >= LONGEST; round++) {
    const before = await busy();
    await open(page, many);
    const failing = page.locator('#trace li.bad', { hasText: 'not this time' }).last();
    await failing.locator('pre.log', { hasText: 'not this time' }).waitFor();
    const painted = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
    const opened = await busy();
    await page.locator('#trace > .meta', { hasText: /5,?\d\d\d steps, 1,?6\d\d cached/ }).waitFor();
    // A part whose steps are not on the page yet.
    const part = page.locator('#trace details', { hasText: 'Container.part 40' }).last();
    await part.locator(':scope > summary').click();
    await part.locator('summary, .step', { hasText: 'target-4099' }).waitFor();
    await until('all of them', async () => (await part.locator('.steps > li').count()) === 100);
    longest = Math.max(0, ...(await page.evaluate(() => window.tasks)));
    console.log(`      painted after ${Math.round(painted)} ms; ${Math.round((opened - before) * 1000)} ms of work; longest task ${longest} ms`);
  }
  assert.ok(longest < LONGEST, `${longest} ms`);
});
