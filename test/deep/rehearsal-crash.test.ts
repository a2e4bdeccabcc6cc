// The daemon is killed with SIGKILL at the steps of a rehearsal, and of one that fails: it ends, the running stack is as it
// was, and nothing of the scratch stack is left.

import t from 'tap';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { installedAppliance } from '../e2e/installed-appliance.ts';
import { onEngine } from '../e2e/footprint.ts';
import { storedOperation } from '../e2e/stored-operation.ts';
import { diesAt, expected, killThrough, placesOf, ROUNDS, settle, type Step } from '../e2e/crash/killing.ts';

t.setTimeout(1_180_000);

const first = await demoBundle('1.0.0');
const appliance = await installedAppliance(t, first);
await appliance.stop();

async function begun(release: string): Promise<Step[]> {
  await appliance.start({ ONSTEAD_FAULT: '1/preflight:before' });
  await appliance.onstead(['rehearse', (await demoBundle(release)).path, '--detach']);
  await appliance.ended();
  return storedOperation(appliance).steps.map(({ n, type }) => ({ n, type }));
}

async function everything(): Promise<string[]> {
  const { engine, project } = appliance;
  const scratch = `${project}-rehearsal`;
  return [
    ...(await onEngine(appliance)),
    ...(await engine.containers.list({ project: scratch })).map(({ name }) => name),
    ...(await engine.volumes.list({ labels: [`onstead.project=${scratch}`] })).map(({ name }) => name),
    ...(await engine.images.list({ reference: `onstead.local/${project}/*` })).flatMap((one) => one.repoTags),
  ].toSorted();
}

for (const points of ROUNDS) {
  t.test(`a rehearsal killed ${points.join(' and ')} its steps leaves nothing`, async (t) => {
    const before = await everything();
    const steps = await begun('1.1.0');
    const died = await killThrough(appliance, placesOf(steps, points));
    const end = await settle(appliance);
    t.strictSame(died, expected(steps, points, {}));
    t.equal(end.state, 'done', JSON.stringify(end.error));
    t.strictSame(await everything(), before);
    await appliance.stop();
  });
}

t.test('a rehearsal that fails and is killed on its way back leaves nothing', async (t) => {
  const before = await everything();
  const steps = await begun('migration-fails');
  const back = steps
    .toReversed()
    .filter(({ type }) => type === 'set-up-scratch' || type === 'load-images')
    .map(({ n, type }) => ({ n, type: `undo:${type}` }));
  const points = ['before', 'during', 'after'] as const;
  const died = [await diesAt(appliance, ...placesOf(back, ['before']))];
  died.push(...(await killThrough(appliance, placesOf(back, points).slice(1))));
  const end = await settle(appliance);
  t.strictSame(died, expected(back, points, {}));
  t.equal(end.state, 'rolled-back', JSON.stringify(end.error));
  t.strictSame(await everything(), before);
});
