// The pages as people use them, in Chromium: `tests/pages/run`.

import { end, lost } from './harness.mjs';

for (const file of ['live', 'log', 'acts', 'steps', 'everywhere', 'long']) await import(`./${file}.mjs`).catch(lost);
await end();
