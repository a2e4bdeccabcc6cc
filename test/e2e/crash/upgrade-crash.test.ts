// The daemon is killed with SIGKILL before, during and after the steps of an upgrade, and of taking one back, while
// people use the application: it ends as exactly the old or exactly the new release, and nobody misses anything.

import t, { type Test } from 'tap';
import { upgradeExecutors, type DeployTools } from '../../../src/deploy/index.ts';
import { demoBundle } from '../demo-bundle.ts';
import { installedAppliance } from '../installed-appliance.ts';
import { startUsers, type Seen } from '../users.ts';
import { diesAt, expected, killThrough, placesOf, ROUNDS, settle, type Point } from './killing.ts';
import { begun, isWhole, notesIn } from './upgrade-lab.ts';

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

async function nobodyMissesAnything(t: Test, { failures, made, answered }: Seen): Promise<void> {
  t.strictSame(failures, []);
  t.ok(answered > 50, `${answered} answers`);
  const there = new Set(await notesIn(appliance));
  t.strictSame(
    made.filter((id) => !there.has(id)),
    [],
    'every note whose making was answered is there',
  );
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
    const users = await startUsers(appliance);
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

for (const [version, schema, points] of [
  ['1.1.0', 2, ROUNDS.at(0)!],
  ['1.2.0', 3, ROUNDS.at(-1)!],
] as const) {
  t.test(
    `an upgrade killed ${points.join(' and ')} every step ends as if nothing had happened`,
    async (t) => {
      const steps = await begun(appliance, (await demoBundle(version)).path);
      const users = await startUsers(appliance);
      const died = await killThrough(appliance, placesOf(steps, points));
      const end = await settle(appliance);
      const seen = await users.stop();
      t.strictSame(died, expected(steps, points, NEVER));
      t.equal(end.state, 'done', JSON.stringify(end.error));
      await isWhole(t, appliance, { version, schema });
      await nobodyMissesAnything(t, seen);
      await appliance.stop();
    },
  );
}
