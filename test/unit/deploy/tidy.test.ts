// What an upgrade that stands clears away: images and copies of data that no kept point names. Over real folders; the
// engine's stores are lists here, what it really removes is seen in test/e2e/rollback-data.test.ts.

import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createLogger } from '../../../src/base/log.ts';
import { pathsUnder } from '../../../src/base/paths.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { readDataFact, writeDataFact, writeFact } from '../../../src/deploy/facts.ts';
import { keepPointAsLeft } from '../../../src/deploy/point-data.ts';
import { keepPoint } from '../../../src/deploy/points.ts';
import { upgradeExecutors } from '../../../src/deploy/index.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { renderStack, writeStack, type StackFiles } from '../../../src/stack/index.ts';
import { openJournal } from '../journal/lab.ts';
import { inputFor, releaseText } from '../stack/lab.ts';

const project = 'trial-project';
const release = parseRelease(releaseText, 'compose.yaml');
const tagOf = (version: string): string => `onstead.test/app:sha256-${version}`;
const filesOf = (version: string): StackFiles => {
  const input = inputFor(release);
  return renderStack({ ...input, images: { ...input.images, app: tagOf(version) } }, releaseText);
};

t.test('images and copies of a release go with the release after next, and not before', async (t) => {
  const { journal, folder, clock } = await openJournal(t);
  const paths = pathsUnder(folder);
  const mountpoint = join(folder, 'points-volume');
  let images: string[] = [];
  const volumes = new Map([[`${project}_points`, mountpoint]]);
  const engine = {
    images: {
      list: async () => images.map((tag) => ({ repoTags: [tag] })),
      remove: async (tag: string) => void (images = images.filter((one) => one !== tag)),
    },
    volumes: {
      inspect: async (name: string) =>
        volumes.has(name) ? { name, mountpoint: volumes.get(name)! } : undefined,
      list: async () =>
        [...volumes.keys()].filter((name) => name.includes('mysql')).map((name) => ({ name })),
      remove: async (name: string) => void volumes.delete(name),
    },
    containers: { list: async () => [], remove: async () => false },
  };
  const tools = {
    ...{ journal, paths, clock, log: createLogger('silent') },
    engine: async () => engine,
  } as unknown as DeployTools;
  const { tidy } = upgradeExecutors(tools);
  const context = {
    ...{ operation: '', signal: new AbortController().signal, progress: () => {}, note: () => {} },
  };

  const installed = (version: string) => ({
    ...{ product: 'notes', title: 'Notes', version, project, keyId: 'KEY', bundle: version },
    installedAt: '2026-11-20T00:00:00Z',
  });
  /** Another release takes the place of this one, and keeps it as a point. */
  const upgrade = async (from: string, to: string): Promise<void> => {
    const id = `upgrade-to-${to}`;
    clock.advance(1_000);
    await keepPoint(tools, {
      ...{ id, keptAt: clock.now().toISOString() },
      ...{ from: installed(from), sizing: inputFor(release).plan },
    });
    await mkdir(join(mountpoint, id, 'mysql/data'), { recursive: true });
    await writeFile(join(mountpoint, id, 'mysql/copy.json'), '{}');
    images.push(tagOf(to));
    await writeStack(paths.stack, filesOf(to));
    writeFact(journal, 'installed', installed(to));
    await tidy.apply({ project }, { ...context, operation: id });
  };

  images.push(tagOf('1'));
  await writeStack(paths.stack, filesOf('1'));
  writeFact(journal, 'installed', installed('1'));
  await upgrade('1', '2');
  await upgrade('2', '3');
  t.strictSame(images, ['1', '2', '3'].map(tagOf), 'the way back to the release before last is whole');
  t.strictSame((await readdir(mountpoint)).toSorted(), ['upgrade-to-2', 'upgrade-to-3']);

  // An upgrade that fell back on the data of before left the newer one aside.
  volumes.set(`${project}_mysql-data`, '').set(`${project}_mysql-data.upgrade-x`, '');
  writeDataFact(journal, project, 'volumes', { 'mysql-data': `${project}_mysql-data.upgrade-x` });
  writeDataFact(journal, project, 'restored', {
    ...{ operation: 'upgrade-x', before: { 'mysql-data': `${project}_mysql-data` } },
    ...{ done: { gtids: {}, stores: [] }, isOver: true as const },
  });
  await mkdir(join(paths.setAside, 'upgrade-x'), { recursive: true });
  await upgrade('3', '4');
  t.strictSame(images, ['2', '3', '4'].map(tagOf));
  t.strictSame((await readdir(mountpoint)).toSorted(), ['upgrade-to-3', 'upgrade-to-4']);
  t.strictSame((await readdir(paths.points)).toSorted(), ['upgrade-to-3', 'upgrade-to-4']);
  t.strictSame(
    [...volumes.keys()].filter((name) => name.includes('mysql')),
    [`${project}_mysql-data.upgrade-x`],
  );
  t.notOk(existsSync(paths.setAside));
  t.equal(readDataFact(journal, project, 'restored'), undefined);

  // What a rollback left is the volume itself, for as long as its point is kept.
  const left = `${project}_mysql-data.left`;
  volumes.set(left, '');
  await keepPointAsLeft(tools, 'upgrade-to-4', {
    databases: [{ service: 'mysql', key: 'mysql-data', volume: left }],
    stores: [],
  });
  await upgrade('4', '5');
  t.ok(volumes.has(left));
  await upgrade('5', '6');
  t.notOk(volumes.has(left));
});
