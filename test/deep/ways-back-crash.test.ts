// The rarer ways of an upgrade, killed before, during and after their steps while people use the application: one that
// fails and goes back by itself, one that cannot, and going back to the data of before.

import t from 'tap';
import { upgradeExecutors, type DeployTools } from '../../src/deploy/index.ts';
import { killedThrough, NEVER, nobodyMissesAnything } from '../e2e/crash/killed-upgrade.ts';
import { diesAt, expected, killThrough, placesOf, ROUNDS, settle, type Point } from '../e2e/crash/killing.ts';
import { begun, begunBy, filesIn, isWhole, notesIn } from '../e2e/crash/upgrade-lab.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { installedAppliance } from '../e2e/installed-appliance.ts';
import { startUsers } from '../e2e/users.ts';

t.setTimeout(1_180_000);

const first = await demoBundle('1.0.0');
const appliance = await installedAppliance(t, first, '{ readyWithin: 15s, soak: 1s }');
await appliance.stop();

t.test(
  'an upgrade that fails and is killed at every point of going back ends as the old release',
  async (t) => {
    const bundle = await demoBundle('app-fails');
    const steps = await begun(appliance, bundle.path);
    const executors = upgradeExecutors({} as DeployTools);
    const back = steps
      .toReversed()
      .filter(({ type }) => executors[type as keyof typeof executors].undo !== undefined)
      .map(({ n, type }) => ({ n, type: `undo:${type}` }));
    const begunSteps = back.slice(back.findLastIndex(({ type }) => type === 'undo:exchange'));
    const points: readonly Point[] = ['before', 'during', 'after'];
    const users = await startUsers(appliance, { keepsFiles: true });
    const died = [await diesAt(appliance, ...placesOf(back, ['before']))];
    died.push(...(await killThrough(appliance, placesOf(begunSteps, points).slice(1))));
    const end = await settle(appliance);
    const seen = await users.stop();
    t.strictSame(died, expected(begunSteps, points, NEVER));
    t.equal(end.state, 'rolled-back', JSON.stringify(end.error));
    await isWhole(t, appliance, { version: '1.0.0', schema: 1 });
    await nobodyMissesAnything(t, appliance, seen);
    await appliance.stop();
  },
);

for (const points of ROUNDS) {
  const at = points.join(' and ');
  t.test(`an upgrade that cannot be taken back by itself, killed ${at} its steps`, async (t) => {
    const steps = await begun(appliance, (await demoBundle('1.2.0')).path);
    const seen = await killedThrough(t, appliance, steps, points);
    await isWhole(t, appliance, { version: '1.2.0', schema: 3 });
    await nobodyMissesAnything(t, appliance, seen);
  });

  t.test(`going back on the data of before, killed ${at} its steps, misses none of it`, async (t) => {
    const steps = await begunBy(appliance, ['rollback', '--restore-data']);
    await killedThrough(t, appliance, steps, points);
    await isWhole(t, appliance, { version: '1.0.0', schema: 1 });
    t.ok((await notesIn(appliance)).length > 20, 'what people wrote before the upgrade');
    const files = await filesIn(appliance);
    t.ok(files.length > 0);
    const some = files.filter((_, n) => n % Math.ceil(files.length / 40) === 0);
    for (const path of some) t.match(await appliance.ask(path), { status: 200, body: /^of user/ }, path);
    await appliance.stop();
  });
}
