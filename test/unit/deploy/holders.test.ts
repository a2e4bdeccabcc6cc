// Whoever keeps data of the past is asked before anything of it goes.

import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createLogger } from '../../../src/base/log.ts';
import { pathsUnder } from '../../../src/base/paths.ts';
import { heldData } from '../../../src/deploy/holders.ts';
import { writeDataFact } from '../../../src/deploy/facts.ts';
import { forgetUnheldCopies, forgetUnheldVolumes } from '../../../src/deploy/forget-data.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { keepPointAsLeft } from '../../../src/deploy/point-data.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { renderStack, writeStack, type DataHolder } from '../../../src/stack/index.ts';
import { openJournal, operationOf } from '../journal/lab.ts';
import { inputFor, releaseText } from '../stack/lab.ts';

const project = 'trial-project';
const { signal } = new AbortController();

/** The engine's stores are lists; the copies' folders are real. */
async function openLab(t: Parameters<typeof openJournal>[0], holders: readonly DataHolder[] = []) {
  const { journal, folder, clock } = await openJournal(t);
  const paths = pathsUnder(folder);
  const copies = join(folder, 'points-volume');
  const names = [`${project}_data`, `${project}_data.now`, `${project}_data.held`];
  const volumes = new Set(names);
  const engine = {
    volumes: {
      inspect: async (name: string) =>
        name === `${project}_points` ? { name, mountpoint: copies } : undefined,
      list: async () => [...volumes].map((name) => ({ name })),
      remove: async (name: string) => void volumes.delete(name),
    },
    containers: { list: async () => [], remove: async () => false },
  };
  const tools = {
    ...{ journal, paths, clock, log: createLogger('silent'), holders },
    engine: async () => engine,
  } as unknown as DeployTools;
  journal.setFact('installed', { project });
  writeDataFact(journal, project, 'volumes', { data: `${project}_data.now` });
  await writeStack(
    paths.stack,
    renderStack(inputFor(parseRelease(releaseText, 'compose.yaml')), releaseText),
  );
  const copy = (name: string) => mkdir(join(copies, name, 'mysql/data'), { recursive: true });
  await copy('nobodys');
  return { journal, tools, copies, copy, volumes };
}

t.test(
  'a copy stays as long as a point, an operation beside the stack or somebody else holds it',
  async (t) => {
    const held = { copies: ['backup-of-yesterday'], cuts: [{ service: 'minio', cutMs: 7 }], volumes: [] };
    const asked: string[] = [];
    const holder: DataHolder = async (one) => {
      asked.push(one);
      return { ...held, volumes: [`${project}_data.held`] };
    };
    const { journal, tools, copies, copy, volumes } = await openLab(t, [holder]);
    const { id } = journal.create({ ...operationOf('one'), kind: 'rehearsal' });
    await mkdir(join(tools.paths.points, 'upgrade-1'), { recursive: true });
    for (const name of ['backup-of-yesterday', 'upgrade-1', id]) await copy(name);
    await forgetUnheldCopies(tools, signal);
    t.strictSame((await readdir(copies)).toSorted(), ['backup-of-yesterday', id, 'upgrade-1'].toSorted());
    t.strictSame(await forgetUnheldVolumes(tools, project), [`${project}_data`]);
    t.strictSame([...volumes], [`${project}_data.now`, `${project}_data.held`]);
    t.strictSame(asked, [project, project]);
    journal.move(id, 'stuck');
    await forgetUnheldCopies(tools, signal);
    t.ok((await readdir(copies)).includes(id), 'one that is stuck is not over');
    journal.move(id, 'rolling-back');
    journal.move(id, 'rolled-back');
    await forgetUnheldCopies(tools, signal);
    t.notOk((await readdir(copies)).includes(id));
  },
);

t.test('an operation that changes the stack holds nothing but its point', async (t) => {
  const { journal, tools, copies, copy } = await openLab(t);
  const { id } = journal.create({ ...operationOf('one'), kind: 'upgrade' });
  await copy(id);
  await forgetUnheldCopies(tools, signal);
  t.strictSame(await readdir(copies), [], 'on its way back, when the point is gone');
});

t.test('cuts of every holder are needed', async (t) => {
  const cuts = [{ service: 'minio', cutMs: 7 }];
  const { tools } = await openLab(t, [async () => ({ copies: [], cuts, volumes: [] })]);
  await mkdir(join(tools.paths.points, 'upgrade-1'), { recursive: true });
  await keepPointAsLeft(tools, 'upgrade-1', {
    databases: [{ service: 'mysql', key: 'data', volume: 'left' }],
    stores: [{ service: 'minio', cut: { cutMs: 5, buckets: ['a'] } }],
  });
  t.strictSame(await heldData(tools, project), {
    copies: ['upgrade-1'],
    cuts: [{ service: 'minio', cutMs: 5 }, ...cuts],
    volumes: ['left'],
  });
});

t.test('where one cannot say what it holds nothing goes', async (t) => {
  const { tools, copies, volumes } = await openLab(t, [
    async () => {
      throw new Error('the list cannot be read');
    },
  ]);
  await t.rejects(forgetUnheldCopies(tools, signal), { message: 'the list cannot be read' });
  await t.rejects(forgetUnheldVolumes(tools, project), { message: 'the list cannot be read' });
  t.strictSame(await readdir(copies), ['nobodys']);
  t.equal(volumes.size, 3);
});
