// A browser that keeps a page open while a story is told: the story writes a line for each thing
// that the page has to come to show by itself, and reads `ok` or what is there instead.
//   watch.mjs ADDRESS, with lines of `subject<TAB>word of its badge`; the end of them is the end.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const require = createRequire(join(process.env.POCKETCI_TEST_MODULES, 'package.json'));
const { chromium } = require('playwright-core');

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
const page = await (await browser.newContext()).newPage();
const wrong = [];
page.on('pageerror', (error) => wrong.push(String(error)));
let loads = 0;
page.on('load', () => { loads++; });
await page.goto(process.argv[2]);
console.log('ok');

for await (const line of createInterface({ input: process.stdin })) {
  const [subject, word] = line.split('\t');
  const row = page.locator('.runs li', { hasText: subject }).filter({ has: page.locator('.badge', { hasText: word }) });
  try {
    await row.first().waitFor({ timeout: 60_000 });
    console.log('ok');
  } catch {
    console.log(JSON.stringify(await page.locator('main').innerText()));
  }
}
if (loads !== 1) wrong.push(`the page was loaded ${loads} times`);
console.log(wrong.length ? JSON.stringify(wrong) : 'ok');
await browser.close();
