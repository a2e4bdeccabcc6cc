// The daemon is killed with SIGKILL while an upgrade falls back on the data of before, because its migration has no way
// down: it ends as exactly the old release with exactly the data of then, and says to the row what people lost.

import t from 'tap';
import { upgradeExecutors, type DeployTools } from '../../src/deploy/index.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { installedAppliance } from '../e2e/installed-appliance.ts';
import { startUsers } from '../e2e/users.ts';
import { diesAt, isComplete, killThrough, placesOf, settle, type Step } from '../e2e/crash/killing.ts';
import { begun, isWhole, notesIn } from '../e2e/crash/upgrade-lab.ts';

t.setTimeout(1_180_000);

const first = await demoBundle('1.0.0');
const appliance = await installedAppliance(t, first, '{ readyWithin: 15s, soak: 1s }');
await appliance.stop();

/** While it goes to names, while requests are about to wait, and when the data is being replaced. */
const MIDDLES_MS = isComplete ? [300, 8_000, 18_000] : [18_000];
/** Nothing is to be done there: no secret is new. */
const IDLE = 'undo:open-secrets';

const duringAt = ({ n, type }: Step): string[] => MIDDLES_MS.map((ms) => `${n}/${type}:during+${ms}ms`);

t.test(
  'killed while it falls back on the data of before, it has all of it, and counts what is lost',
  async (t) => {
    const { path } = await demoBundle('1.2.0', (text) =>
      text.replace('    environment:\n      MYSQL_HOST', "    command: [node, -e, 'process.exit(1)']\n$&"),
    );
    const steps = await begun(appliance, path);
    const executors = upgradeExecutors({} as DeployTools);
    const back = steps
      .toReversed()
      .filter(({ type }) => executors[type as keyof typeof executors].undo !== undefined)
      .map(({ n, type }) => ({ n, type: `undo:${type}` }));
    const migrate = steps.find(({ type }) => type === 'migrate')!;
    const [fallBack, ...rest] = back.slice(back.findIndex(({ type }) => type === 'undo:migrate'));
    const before = await notesIn(appliance);
    const users = await startUsers(appliance, { users: 2, pauseMs: 100 });
    const forth = [...placesOf([migrate], ['before']), `${migrate.n}/migrate:during+6000ms`];
    const backwards = [
      ...placesOf([fallBack!], ['before']),
      ...duringAt(fallBack!),
      ...placesOf(
        rest.filter(({ type }) => type !== IDLE),
        ['before', 'during', 'after'],
      ),
    ];
    const died = await killThrough(appliance, forth);
    died.push((await diesAt(appliance, ...backwards))!);
    died.push(...(await killThrough(appliance, backwards.slice(1))));
    const end = await settle(appliance);
    const seen = await users.stop();
    t.strictSame(died, [...forth, ...backwards]);
    t.equal(end.state, 'rolled-back', JSON.stringify(end.error));
    await isWhole(t, appliance, { version: '1.0.0', schema: 1 });

    const now = await notesIn(appliance);
    const lost = before.length + seen.made.length - now.length;
    const { stdout } = await appliance.onstead(['operations', 'show', end.id]);
    const told = [...stdout.matchAll(/in notes\.notes: (\d+) rows added/g)].map(([, rows]) => Number(rows));
    t.ok(lost > 0, `${lost} of ${seen.made.length} notes`);
    const lines = stdout.split('\n').filter((line) => /Since then|among these|people wrote/.test(line));
    t.equal(told.at(-1), lost, lines.join('\n'));
    // Nobody holds requests while the daemon is dead, and the replicas may be away just then.
    t.strictSame(
      seen.failures.filter((line) => !/status 50[24]$/.test(line)),
      [],
    );
  },
);
