// The step of an upgrade that replaces nginx, on a real engine: there and back, and begun again after it was cut off.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/base/clock.ts';
import { replaceEdgeStep } from '../../src/deploy/upgrade/edge-step.ts';
import type { DeployTools } from '../../src/deploy/index.ts';
import { Journal, openDatabase, type StepContext } from '../../src/journal/index.ts';
import { keepStack, steerEdge } from '../../src/stack/index.ts';
import { openEdgeLab } from './edge-lab.ts';

t.setTimeout(280_000);
const lab = await openEdgeLab();
t.teardown(() => lab.close());
const { edge, engine, compose, folder, stackFolder } = lab;
const { project } = edge;
const points = join(folder, 'points');
const db = openDatabase(join(folder, 'state.db'));
t.teardown(() => db.close());
// What this one step works with; the rest of the daemon's tools has no part in it.
const tools = {
  paths: { stack: stackFolder, points },
  clock: systemClock,
  journal: new Journal(db, systemClock),
  settings: () => ({ project }),
  engine: async () => engine,
  compose: async () => compose,
} as unknown as DeployTools;
const step = replaceEdgeStep(tools);
const input = { project, service: 'nginx', app: { service: 'app', port: 3000 } };
const context: StepContext = {
  operation: 'op',
  signal: new AbortController().signal,
  progress: () => {},
  note: () => {},
};

async function labels(): Promise<string[]> {
  const all = await engine.containers.list({ project, service: 'nginx' });
  return all.map(({ labels: { 'onstead.lab': label }, status }) => `${label ?? 'first'} ${status}`);
}

t.test('nginx is replaced and put back, and nobody notices', async (t) => {
  await mkdir(join(points, 'op'), { recursive: true });
  await keepStack(stackFolder, join(points, 'op/stack'));
  const load = lab.load();
  await lab.change('next');
  await step.apply(input, context);
  t.strictSame(await labels(), ['next running']);
  await step.apply(input, context);
  t.strictSame(await labels(), ['next running'], 'begun again, it has nothing to do');
  await step.undo!(input, context);
  t.strictSame(await labels(), ['first running']);
  t.strictSame((await load.stop()).failures, []);
});

t.test('cut off with both of them running, it is put back all the same', async (t) => {
  const load = lab.load();
  await steerEdge(edge, { kind: 'listed', servers: await lab.replicas() }, context.signal);
  await lab.change('half');
  await compose.up({ services: ['nginx'], noDeps: true, noRecreate: true, scale: { nginx: 2 } });
  t.equal((await labels()).length, 2);
  await step.undo!(input, context);
  t.strictSame(await labels(), ['first running']);
  t.strictSame((await load.stop()).failures, []);
});
