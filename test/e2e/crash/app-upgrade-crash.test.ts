// The daemon is killed with SIGKILL before, during and after the steps of an upgrade, and of taking one back, while
// people use the application: it ends as exactly the old or exactly the new release, and nobody misses anything.

import t, { type Test } from 'tap';
import { upgradeExecutors, type DeployTools } from '../../../src/deploy/index.ts';
import { demoBundle } from '../demo-bundle.ts';
import { installedAppliance } from '../installed-appliance.ts';
import { startUsers, type Seen } from '../users.ts';
import { diesAt, expected, killThrough, placesOf, ROUNDS, settle, type Point, type Step } from './killing.ts';
import { begun, begunBy, filesAreThere, filesIn, isWhole, notesIn } from './upgrade-lab.ts';

t.setTimeout(1_180_000);

/** Where a step cannot be killed, and why. */
const NEVER: Readonly<Record<string, string>> = {
  'open-secrets:during': 'nothing to do: no secret is new',
  'open-secrets:after': 'nothing to do: no secret is new',
  'undo:open-secrets:before': 'nothing was done: no secret is new',
  'undo:open-secrets:during': 'nothing was done: no secret is new',
  'undo:open-secrets:after': 'nothing was done: no secret is new',
  'make-buckets:during': 'nothing to do: the buckets are there',
  'make-buckets:after': 'nothing to do: the buckets are there',
};

const first = await demoBundle('1.0.0');
const appliance = await installedAppliance(t, first, '{ readyWithin: 15s, soak: 1s }');
await appliance.stop();

async function nobodyMissesAnything(t: Test, { failures, made, files, answered }: Seen): Promise<void> {
  t.strictSame(failures, []);
  t.ok(answered > 50, `${answered} answers`);
  const there = new Set(await notesIn(appliance));
  t.strictSame(
    made.filter((id) => !there.has(id)),
    [],
    'every note whose making was answered is there',
  );
  t.ok(files.length > 0, `${files.length} files`);
  await filesAreThere(t, appliance, files);
}

async function killedThrough(t: Test, steps: readonly Step[], points: readonly Point[]): Promise<Seen> {
  const users = await startUsers(appliance, { keepsFiles: true });
  const died = await killThrough(appliance, placesOf(steps, points));
  const end = await settle(appliance);
  const seen = await users.stop();
  t.strictSame(died, expected(steps, points, NEVER));
  t.equal(end.state, 'done', JSON.stringify(end.error));
  return seen;
}

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
    await nobodyMissesAnything(t, seen);
    await appliance.stop();
  },
);

for (const points of ROUNDS) {
  const at = points.join(' and ');
  t.test(`an upgrade killed ${at} its steps ends as if nothing had happened`, async (t) => {
    const steps = await begun(appliance, (await demoBundle('1.1.0')).path);
    const seen = await killedThrough(t, steps, points);
    await isWhole(t, appliance, { version: '1.1.0', schema: 2 });
    await nobodyMissesAnything(t, seen);
  });

  t.test(`so does a rollback that keeps what was written, killed ${at} its steps`, async (t) => {
    const seen = await killedThrough(t, await begunBy(appliance, ['rollback']), points);
    await isWhole(t, appliance, { version: '1.0.0', schema: 1 });
    await nobodyMissesAnything(t, seen);
  });

  t.test(`and an upgrade that cannot be taken back by itself, killed ${at} its steps`, async (t) => {
    const steps = await begun(appliance, (await demoBundle('1.2.0')).path);
    const seen = await killedThrough(t, steps, points);
    await isWhole(t, appliance, { version: '1.2.0', schema: 3 });
    await nobodyMissesAnything(t, seen);
  });

  t.test(`going back on the data of before, killed ${at} its steps, misses none of it`, async (t) => {
    const steps = await begunBy(appliance, ['rollback', '--restore-data']);
    await killedThrough(t, steps, points);
    await isWhole(t, appliance, { version: '1.0.0', schema: 1 });
    t.ok((await notesIn(appliance)).length > 20, 'what people wrote before the upgrade');
    const files = await filesIn(appliance);
    t.ok(files.length > 0);
    const some = files.filter((_, n) => n % Math.ceil(files.length / 40) === 0);
    for (const path of some) t.match(await appliance.ask(path), { status: 200, body: /^of user/ }, path);
    await appliance.stop();
  });
}
