// Where points are read from: nothing there is one thing, a folder that cannot be read another.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { keepPoint, listPoints, pointNames } from '../../../src/deploy/points.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { renderStack, writeStack } from '../../../src/stack/index.ts';
import { inputFor, releaseText } from '../stack/lab.ts';

const input = inputFor(parseRelease(releaseText, 'compose.yaml'));
const from = {
  ...{ product: 'notes', title: 'Notes', version: '1.0.0', project: 'notes', keyId: 'KEY', bundle: 'a' },
  installedAt: '2026-11-20T00:00:00Z',
};

t.test('without the folder there are no points; with one that cannot be read nobody knows', async (t) => {
  const paths = pathsUnder(t.testdir());
  t.strictSame(await pointNames({ paths }), []);
  t.strictSame(await listPoints({ paths }), []);
  await mkdir(dirname(paths.points), { recursive: true });
  await writeFile(paths.points, 'not a folder');
  await t.rejects(pointNames({ paths }), { code: 'ENOTDIR' });
  await t.rejects(listPoints({ paths }), { code: 'ENOTDIR' });
});

t.test('points stand in the order they were kept in, though the clock was set back', async (t) => {
  const paths = pathsUnder(t.testdir());
  await writeStack(paths.stack, renderStack(input, releaseText));
  const keep = (id: string, keptAt: string, over?: string) =>
    keepPoint({ paths }, { id, keptAt, from, sizing: input.plan, ...(over === undefined ? {} : { over }) });
  await keep('upgrade-1', '2026-11-21T10:00:00Z');
  await keep('upgrade-2', '2026-11-20T10:00:00Z');
  await keep('rollback-1', '2026-11-19T10:00:00Z', 'upgrade-2');
  await keep('upgrade-2', '2026-11-22T10:00:00Z'); // begun again: it stays what it was
  await mkdir(join(paths.points, 'cut-off'));
  t.match(await listPoints({ paths }), [
    {
      id: 'rollback-1',
      kind: 'rollback',
      order: 3,
      before: ['upgrade-1', 'upgrade-2'],
      after: ['upgrade-1'],
    },
    { id: 'upgrade-2', kind: 'upgrade', order: 2, keptAt: '2026-11-20T10:00:00Z' },
    { id: 'upgrade-1', kind: 'upgrade', order: 1 },
  ]);
});
