// The page of a log.

import assert from 'node:assert/strict';

import { check, logOf, open, ran, until } from './harness.mjs';

const of = await ran('Look at it');
const log = logOf(of, 'test-on-push');

await check('the first error is in view, and a search walks along its matches', async (page) => {
  await open(page, log);
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
  // Found across colours: the word is coloured, the number is not.
  await page.locator('.l.here mark').first().waitFor();
  const marks = await page.locator('.l.here mark').allTextContents();
  assert.equal(marks.join(''), 'step 2');
});

await check('a line has an address', async (page) => {
  await open(page, `${log}#L150`);
  await page.locator('.l.aim', { hasText: 'step 145 of the build' }).waitFor();
  await page.locator('.l .n', { hasText: /^152$/ }).click();
  assert.ok(page.url().endsWith('#L152'));
  await page.locator('.l.aim .n', { hasText: /^152$/ }).waitFor();
});

await check('steps fold, and times show on demand', async (page) => {
  await open(page, `${log}#L1`);
  await page.getByText('step 5 of the build').waitFor();
  await page.locator('#fold').click();
  await page.getByText('301 more lines DONE').waitFor();
  await page.getByText('--- FAIL: TestFarewell').waitFor();
  await page.locator('#times').click();
  assert.match(await page.locator('.l time').first().textContent(), /^\d\d:\d\d:\d\d\.\d{3}$/);
});

await check('standard error is told apart, and the log can be had as a file', async (page) => {
  await open(page, `${log}#L310`);
  await page.locator('.l.stderr', { hasText: 'TestFarewell' }).waitFor();
  await page.locator('.l.agent', { hasText: 'Failed with exit status 1' }).waitFor();
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download' }).click(),
  ]);
  assert.equal(file.suggestedFilename(), `run-${of.id}-test-on-push.log`);
});

await check('the first error is one key away', async (page) => {
  await open(page, `${log}#L1`);
  await page.getByText('step 5 of the build').waitFor();
  await page.keyboard.press('e');
  await page.locator('.l.first', { hasText: 'TestFarewell' }).waitFor();
  await until('it to be in view', () => page.locator('.l.first').evaluate((it) => {
    const box = document.getElementById('scroller').getBoundingClientRect();
    const line = it.getBoundingClientRect();
    return line.top >= box.top && line.bottom <= box.bottom;
  }));
});
