// What holds of every page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { EXPECTED, agent, check, logOf, open, picture, ran, require } from './harness.mjs';

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const ada = agent.token('grace', 'operate');
const of = await ran('Look everywhere');
const log = logOf(of, 'test-on-push');
const pull = (await agent.json('/runs?pull=1')).runs[0];
const steps = `/runs/${pull.id}/calls/${pull.calls[0].id}`;
const waiting = (await agent.json('/runs?state=held')).runs[0];

const everywhere = {
  runs: '/runs',
  narrowed: '/runs?state=cancelled',
  none: '/runs?branch=nothing',
  repository: '/repositories/github/octo/hello',
  run: `/runs/${of.id}`,
  held: `/runs/${waiting.id}`,
  call: log,
  steps,
  deliveries: '/deliveries',
  delivery: `/deliveries/${of.delivery}`,
  waiting: '/waiting',
  health: '/health',
  nothing: '/nothing',
  'sign-in': '/sign-in',
};

async function still(page, path) {
  await open(page, path);
  if (path === log) await page.getByText('--- FAIL: TestFarewell').waitFor();
  await page.evaluate(() => document.fonts.ready);
}

await check('without JavaScript the facts are all there', async (page) => {
  await open(page, '/runs');
  assert.ok((await page.locator('.runs li').count()) >= 4);
  await open(page, `/runs/${of.id}`);
  await page.getByText('docsOnPush').waitFor();
  await page.locator('.log', { hasText: 'Error: exit code: 1' }).waitFor();
  await open(page, log);
  await page.locator('pre.log span', { hasText: 'step 300 of the build' }).waitFor();
  assert.ok(!(await page.locator('#viewer').isVisible()));
  await open(page, '/deliveries');
  await page.getByText('It became 1 run.').first().waitFor();
}, { javaScriptEnabled: false, as: ada });

await check('the steps of a call are a tree, and show what they printed', async (page) => {
  await open(page, steps);
  await page.locator('#trace summary', { hasText: 'Ci.testOnPullRequest' }).click();
  const step = page.locator('#trace details', { hasText: 'echo all is well' }).last();
  await step.locator(':scope > summary .took').waitFor();
  if (!(await step.evaluate((it) => it.open))) await step.locator(':scope > summary').click();
  await step.locator('pre.log', { hasText: 'all is well' }).first().waitFor();
  await picture(page, 'steps-open');
});

await check('nothing is wider than a phone', async (page) => {
  for (const [name, path] of Object.entries(everywhere)) {
    await still(page, path);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
    await picture(page, `${name}-phone`);
  }
}, { viewport: { width: 375, height: 740 }, as: ada, allowed: EXPECTED });

for (const colorScheme of ['light', 'dark']) {
  await check(`nothing stands in anybody's way, ${colorScheme}`, async (page) => {
    const all = [];
    for (const [name, path] of Object.entries(everywhere)) {
      await still(page, path);
      await picture(page, `${name}-${colorScheme}`, { fullPage: true });
      // What opens on a click is looked at as well.
      await page.evaluate(() => document.querySelectorAll('details').forEach((it) => (it.open = true)));
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run());
      for (const it of violations) {
        if (['serious', 'critical'].includes(it.impact)) all.push(`${path}: ${it.id}: ${it.nodes.slice(0, 3).map((node) => node.html).join(' | ')}`);
      }
    }
    assert.deepEqual(all, []);
  }, { colorScheme, bypassCSP: true, as: ada, allowed: EXPECTED });
}
