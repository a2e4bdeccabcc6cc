// The daemon is killed with SIGKILL before, during and after every step of an installation, and of taking one back.
// The steps come from the plan itself, so a new one is covered without anyone remembering; a step that cannot be
// killed at one of the points stands in a table with the reason, and the table is held to be true.

import t, { type Test } from 'tap';
import { attemptLimit } from '../../../src/journal/index.ts';
import { installExecutors, type DeployTools } from '../../../src/deploy/index.ts';
import { TestAppliance } from '../appliance.ts';
import { demoBundle, type DemoBundle } from '../demo-bundle.ts';
import { storedOperation } from '../stored-operation.ts';
import { journalFiles, secretPieces } from '../told-secrets.ts';
import { diesAt, expected, killThrough, placeOf, placesOf, ROUNDS, settle, type Step } from './killing.ts';

/** Where a step cannot be killed, and why. */
const NEVER: Readonly<Record<string, string>> = {
  'remember-size:during': 'its effect is one transaction of the journal, and never waits',
  'undo:remember-size:during': 'its effect is one transaction of the journal, and never waits',
  'make-users:during': "nothing to do: the image's own start made the database and its user",
  'make-users:after': "nothing to do: the image's own start made the database and its user",
};

/** An appliance with an installation that was written down and has done nothing yet. */
async function begun(t: Test, bundle: DemoBundle): Promise<{ appliance: TestAppliance; steps: Step[] }> {
  const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
  t.teardown(() => appliance.remove());
  await appliance.start({ ONSTEAD_FAULT: '1/preflight:before' });
  await appliance.onstead(['install', bundle.path, '--detach']);
  await appliance.ended();
  return { appliance, steps: storedOperation(appliance).steps.map(({ n, type }) => ({ n, type })) };
}

async function endsWhole(t: Test, appliance: TestAppliance, bundle: DemoBundle): Promise<void> {
  const end = await settle(appliance);
  t.equal(end.state, 'done', JSON.stringify(end.error));
  t.ok(end.steps.every(({ state }) => state === 'done' || state === 'skipped'));

  const containers = await appliance.engine.containers.list({ project: appliance.project });
  t.strictSame(
    containers.map(({ service }) => service).toSorted(),
    ['app', 'app', 'minio', 'mysql', 'nginx', 'onstead-edge', 'redis'],
    'no double, none missing, and no migration left behind',
  );
  const ours = { labels: [`onstead.project=${appliance.project}`] };
  t.strictSame((await appliance.engine.volumes.list(ours)).map(({ name }) => name.split('_')[1]).toSorted(), [
    'minio-data',
    'mysql-data',
    'points',
    'redis-data',
  ]);

  const status = ['exec', '-T', 'app', 'node', '/app/src/main.ts', 'migrate', 'status', '--json'];
  const { stdout } = await appliance.compose(status);
  const { complete, broken } = JSON.parse(stdout) as { complete: boolean; broken: unknown[] };
  t.ok(complete && broken.length === 0, stdout);

  const again = await appliance.onstead(['install', bundle.path]);
  t.match(again.stdout, /nothing needed doing/, 'the same end state as without the kills');
  t.equal((await appliance.onstead(['status'])).code, 0);
}

for (const points of ROUNDS) {
  t.test(
    `an installation killed ${points.join(' and ')} every step ends as if nothing had happened`,
    async (t) => {
      const bundle = await demoBundle();
      const { appliance, steps } = await begun(t, bundle);
      t.strictSame(await killThrough(appliance, placesOf(steps, points)), expected(steps, points, NEVER));
      await endsWhole(t, appliance, bundle);
    },
  );
}

t.test('an installation that fails and is killed at every point of going back leaves nothing', async (t) => {
  const telling = (text: string): string =>
    text.replace(
      /( +up: ).*\n/,
      `$1[sh, -c, 'cat /run/secrets/mysql_password; node /app/src/main.ts migrate up']\n`,
    );
  const bundle = await demoBundle('migration-fails', telling);
  const { appliance, steps } = await begun(t, bundle);
  const before = await leftovers(appliance);
  // Steps that have something to take back; the table is asked, not copied.
  const executors = installExecutors({} as DeployTools);
  const back = steps
    .toReversed()
    .filter(({ type }) => executors[type as keyof typeof executors].undo !== undefined)
    .map(({ n, type }) => ({ n, type: `undo:${type}` }));
  const begunSteps = back.slice(back.findIndex(({ type }) => type === 'undo:migrate'));
  t.ok(begunSteps.length >= 5, 'it fails where most of the way back is to go');
  const points = ['before', 'during', 'after'] as const;
  const first = await diesAt(appliance, ...placesOf(back, ['before']));
  const secrets = await secretPieces(appliance); // while there are some
  const died = [first, ...(await killThrough(appliance, placesOf(begunSteps, points).slice(1)))];
  t.strictSame(died, expected(begunSteps, points, NEVER));

  const end = await settle(appliance);
  t.equal(end.state, 'rolled-back', JSON.stringify(end.error));
  t.match(end.error?.message, /migration failed/i, 'the cause is still known');
  const told = Object.entries(await journalFiles(appliance));
  t.ok(secrets.length >= 6);
  t.ok(
    told.some(([, text]) => text.includes('[secret]')),
    'what the migration told was kept, but for the secret',
  );
  for (const [file, text] of told)
    t.notOk(
      secrets.some((secret) => text.includes(secret)),
      `no secret in ${file}`,
    );
  t.strictSame(await leftovers(appliance), before, 'nothing is left on the engine');

  const good = await demoBundle();
  const retry = await appliance.onstead(['install', good.path]);
  t.equal(retry.code, 0, retry.stdout + retry.stderr);
});

t.test('a step that is interrupted again and again is given up, not tried for ever', async (t) => {
  const bundle = await demoBundle();
  const { appliance, steps } = await begun(t, bundle);
  const place = placeOf(
    steps.find(({ type }) => type === 'write-stack')!,
    'before',
  );
  let kills = 0;
  while (kills < 10 && (await diesAt(appliance, place)) !== undefined) kills += 1;
  t.equal(kills, attemptLimit);
  const end = await settle(appliance);
  t.equal(end.state, 'rolled-back');
  t.match(end.error?.message, /interrupted/);
});

async function leftovers({ engine, project }: TestAppliance): Promise<string[]> {
  return [
    ...(await engine.containers.list({ project })).map(({ name }) => name),
    ...(await engine.volumes.list({ labels: [`onstead.project=${project}`] })).map(({ name }) => name),
    ...(await engine.networks.list({ labels: [`com.docker.compose.project=${project}`] })).map(
      ({ name }) => name,
    ),
  ];
}
