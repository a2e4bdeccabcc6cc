// The Node that is too old is told so before anything is imported that it does not have.

import { readFileSync } from 'node:fs';
import t from 'tap';
import { sayingTooOld } from '../../../src/base/node-version.ts';

t.test('an older Node gets one sentence and what to do, another one none', async (t) => {
  for (const version of ['18.20.4', '20.20.2', '22.14.0', '0.10.48'])
    t.match(
      sayingTooOld(version),
      new RegExp(`^error: Onstead needs Node 22\\.15 or newer; this is Node ${version}\\.\nnext: .*\n$`),
    );
  for (const version of ['22.15.0', '22.15.0-nightly', '24.0.0', process.versions.node])
    t.equal(sayingTooOld(version), undefined, version);
});

t.test('the program imports nothing else before it has asked', async (t) => {
  const read = (path: string): string =>
    readFileSync(new URL(`../../../src/${path}`, import.meta.url), 'utf8');
  const first = /^import .* from '(.*)';$/gm;
  t.strictSame(
    [...read('main.ts').matchAll(first)].map((match) => match[1]),
    ['./base/node-version.ts'],
  );
  t.notMatch(read('base/node-version.ts'), /^import /m);
});
