// Arrows between the rooms run down only; the table in import-rules.ts is held here.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { importCircles, importViolations, MAY_IMPORT, roomOf } from './import-rules.ts';
import { importsOf, readSources, root } from './sources.ts';

const sources = readSources((path) => path.startsWith('src/') && path.endsWith('.ts'));
const violationsOf = (path: string, text: string): string[] => importViolations(new Map([[path, text]]));

t.test('every import in src keeps to the table', async (t) => {
  t.ok(sources.size > 0, 'there are sources');
  t.strictSame(importViolations(sources), []);
});

t.test('no two files import each other', async (t) => {
  t.strictSame(importCircles(sources), []);
});

t.test('every folder in src is a room of the table', async (t) => {
  const rooms = new Set([...sources.keys()].map(roomOf));
  t.strictSame(
    [...rooms].filter((room) => MAY_IMPORT[room] === undefined),
    [],
  );
});

t.test('every package that src imports is a dependency, not a development tool', async (t) => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const missing = [...sources]
    .flatMap(([path, text]) => importsOf(path, text))
    .filter(({ to, isOurs }) => !isOurs && !to.startsWith('node:'))
    .filter(({ to }) => dependencies[packageOf(to)] === undefined)
    .map(({ from, to }) => `${from} imports ${to}, which is not under "dependencies" in package.json.`);
  t.strictSame(missing, []);
});

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

t.test('the table catches an arrow that runs up, across, past a face or out of src', async (t) => {
  t.match(violationsOf('src/base/a.ts', "import { x } from '../engine/index.ts';"), [
    /base may import only: nothing/,
  ]);
  t.match(violationsOf('src/sizing/a.ts', "import type { x } from '../machine/index.ts';"), [
    /sizing may import only/,
  ]);
  t.match(violationsOf('src/deploy/a.ts', "export * from '../backup/index.ts';"), [/deploy may import only/]);
  t.match(violationsOf('src/deploy/a.ts', "import { x } from '../stack/folder.ts';"), [
    /through src\/stack\/index/,
  ]);
  t.match(violationsOf('src/stack/services/a.ts', "import x from '../../deploy/index.ts';"), [
    /stack may import/,
  ]);
  t.match(violationsOf('src/cli/a.ts', "import { x } from '../journal/index.ts';"), [/cli may import only/]);
  t.match(violationsOf('src/cli/a.ts', "import { x } from '../api/routes.ts';"), [/only the API's schemas/]);
  t.match(violationsOf('src/api/a.ts', "import Docker from 'dockerode';"), [/only the room engine/]);
  t.match(violationsOf('src/api/a.ts', "import { x } from '../../test/x.ts';"), [/outside src/]);
  t.match(violationsOf('src/attic/a.ts', "import { x } from '../base/x.ts';"), [/no room/]);
  t.match(violationsOf('src/base/a.ts', "const x = await import('../engine/index.ts');"), [
    /base may import/,
  ]);
  t.match(violationsOf('src/base/a.ts', "new Worker(new URL('../stack/w.ts', import.meta.url));"), [
    /base may/,
  ]);
  t.match(violationsOf('src/base/a.ts', "import {\n  a,\n  b,\n} from '../stack/index.ts';"), [/base may/]);
});

t.test('the table lets through what is allowed', async (t) => {
  const fine: [string, string][] = [
    ['src/deploy/a.ts', "import { x } from '../stack/index.ts';"],
    ['src/stack/services/a.ts', "import { x } from '../folder.ts';"],
    ['src/cli/verbs/a.ts', "import type { X } from '../../api/schemas.ts';"],
    ['src/cli/verbs/a.ts', "import { x } from '../../machine/index.ts';"],
    ['src/machine/a.ts', "import { x } from '../base/errors.ts';"],
    ['src/main.ts', "import { x } from './daemon.ts';"],
    ['src/daemon.ts', "import { x } from './api/index.ts';"],
    ['src/base/a.ts', "// import { x } from '../engine/index.ts';\nexport const x = 'engine';"],
  ];
  for (const [path, text] of fine) t.strictSame(violationsOf(path, text), [], `${path}: ${text}`);
});

t.test('a circle of imports is found over any number of files', async (t) => {
  const two = new Map([
    ['src/base/a.ts', "import { b } from './b.ts';"],
    ['src/base/b.ts', "import type { a } from './a.ts';"],
  ]);
  t.match(importCircles(two), [/a\.ts → src\/base\/b\.ts → src\/base\/a\.ts/]);
  const three = new Map([
    ['src/x/a.ts', "import './b.ts';"],
    ['src/x/b.ts', "export * from './c.ts';"],
    ['src/x/c.ts', "import { a } from './a.ts';"],
  ]);
  t.equal(importCircles(three).length, 1);
});
