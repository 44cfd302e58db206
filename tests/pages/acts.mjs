// What people do: sign in, rerun, cancel, approve, play again; by mouse, and by keyboard alone.

import assert from 'node:assert/strict';

import { EXPECTED, agent, check, finished, open, ran, run, started, until } from './harness.mjs';

const ada = agent.token('ada', 'operate');
const reader = agent.token('rita', 'read');
const quick = await ran('Be quick', 'quick');

await check('a token is the way in, and back to where one was', async (page) => {
  await open(page, `/runs/${quick.id}`);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.locator('#token').fill('pci_wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await page.locator('#token').fill(ada);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`**/runs/${quick.id}`);
  await page.locator('header .name', { hasText: 'ada' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/sign-in');
  await open(page, '/runs');
  await page.getByRole('link', { name: 'Sign in' }).waitFor();
}, { allowed: /status of 403/ });

await check('who may only read is offered nothing', async (page) => {
  await open(page, `/runs/${quick.id}`);
  await page.locator('.call').first().waitFor();
  assert.equal(await page.locator('main form').count(), 0);
}, { as: reader });

await check('what failed is rerun by click, after a word of confirmation', async (page) => {
  await open(page, `/runs/${quick.id}`);
  await page.getByText('Rerun failed…').click();
  await page.getByText('1 of 2 calls did not pass').waitFor();
  await page.getByRole('button', { name: 'Rerun what did not pass' }).click();
  await page.waitForURL(`**/runs/${quick.id}`);
  await page.locator('#head .meta', { hasText: 'attempt 2' }).waitFor();
  await page.locator('#head .badge', { hasText: 'failed' }).waitFor();
  await page.locator('.history', { hasText: 'ada' }).waitFor();
  await page.getByRole('link', { name: 'attempt 1 (failed)' }).click();
  await page.getByText('too quick').waitFor();
}, { as: ada });

await check('everything is rerun by the keyboard alone', async (page) => {
  const before = (await agent.json(`/runs/${quick.id}`)).attempt;
  await open(page, '/sign-in');
  await page.keyboard.type(ada);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/runs');
  await page.keyboard.press('j');
  await page.keyboard.press('r');
  await page.waitForURL(`**/runs/${quick.id}#rerun`);
  await page.getByText('did not pass: they begin again').waitFor();
  await page.keyboard.press('Enter');
  await until('another attempt', async () => (await agent.json(`/runs/${quick.id}`)).attempt > before);
  await finished(quick);
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
  await until('two runs', async () => (await page.locator('.runs li').count()) === 2);
});

await check('what runs is cancelled by click', async (page) => {
  await agent.push('Take long', 'slow');
  const of = await run('Take long');
  await started(of, 'slow-on-push');
  await open(page, `/runs/${of.id}`);
  await page.getByText('Cancel…').click();
  await page.getByText('What runs is interrupted').waitFor();
  await page.getByRole('button', { name: 'Cancel the run' }).click();
  await page.locator('#head .badge', { hasText: 'cancelled' }).waitFor({ timeout: 60_000 });
  await page.getByText('ada').first().waitFor();
}, { as: ada });

await agent.pull(1, 'Improve the docs');
const held = await run('Improve the docs');

await check('a stranger’s pull request is approved by click', async (page) => {
  await open(page, '/waiting');
  await page.locator('li', { hasText: 'Improve the docs' }).locator('.open').click();
  await page.waitForURL(`**/runs/${held.id}`);
  await page.locator('#head .badge', { hasText: 'held' }).waitFor();
  await page.getByText('Approve…').click();
  await page.getByText('Look at its changes first').waitFor();
  await page.getByRole('button', { name: 'Approve this commit' }).click();
  await page.locator('#head .badge', { hasText: 'passed' }).waitFor({ timeout: 60_000 });
  await page.locator('.history', { hasText: /ada.* approved it/ }).waitFor();
}, { as: ada });

await check('a delivery is played again by click', async (page) => {
  await open(page, `/deliveries/${quick.delivery}`);
  await page.getByText('x-github-event').waitFor();
  assert.equal(await page.getByText('sha256=').count(), 0);
  await page.getByText('Play it again…').click();
  await page.getByRole('button', { name: `Play delivery ${quick.delivery} again` }).click();
  await page.waitForURL((url) => /\/deliveries\/\d+$/.test(url.pathname) && !url.pathname.endsWith(`/${quick.delivery}`));
  await page.getByText('It became 1 run.').waitFor();
}, { as: ada });

await check('signed out one sees what one may', async (page) => {
  await open(page, `/runs/${quick.id}`);
  await page.locator('.call').first().waitFor();
  assert.equal(await page.locator('form').count(), 0);
  await open(page, `/deliveries/${quick.delivery}`);
  assert.equal(await page.getByText('x-github-event').count(), 0);
  // The operator shows nothing to strangers from now on: one is led to the way in, and back. (The
  // page before would find its way there by itself.)
  await open(page, '/version');
  await agent.stop();
  await agent.start({ POCKETCI_PUBLIC_RUNS: 'none' });
  await open(page, `/runs/${quick.id}?x=1`);
  await page.waitForURL('**/sign-in?next=*');
  await page.locator('#token').fill(ada);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/runs/${quick.id}?x=1`);
  await page.locator('.call').first().waitFor();
}, { allowed: EXPECTED });

await agent.stop();
await agent.start();
await agent.pull(2, 'Improve more');
await run('Improve more');
