// The daemon is killed with SIGKILL before, during and after every step of an installation, and of taking one back.
// The steps come from the plan itself, so a new one is covered without anyone remembering.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { OperationView } from '../../../src/api/schemas.ts';
import { isOver, Journal, openDatabase } from '../../../src/journal/index.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { installExecutors, type DeployTools } from '../../../src/deploy/index.ts';
import { TestAppliance } from '../appliance.ts';
import { demoBundle } from '../demo-bundle.ts';

interface Kill {
  readonly n: number;
  readonly step: string;
  readonly point: 'before' | 'during' | 'after';
}

/** What the journal on the disk says while no daemon runs. */
function storedOperation(appliance: TestAppliance): OperationView {
  const db = openDatabase(appliance.paths.database);
  try {
    return new Journal(db, systemClock).list(1)[0]!;
  } finally {
    db.close();
  }
}

function killsFor(steps: OperationView['steps'], prefix: '' | 'undo:'): Kill[] {
  return steps.flatMap(({ n, type }) =>
    (['before', 'during', 'after'] as const).map((point) => ({ n, step: `${prefix}${type}`, point })),
  );
}

/** Starts the daemon and sees it die at this point. Returns false where the step never comes to that point. */
async function killAt(appliance: TestAppliance, kill: Kill): Promise<boolean> {
  const isUndo = kill.step.startsWith('undo:');
  await appliance.start(
    kill.point === 'during' ? {} : { ONSTEAD_FAULT: `${kill.n}/${kill.step}:${kill.point}` },
  );
  while (appliance.isRunning) {
    const operation = await appliance.operation().catch(() => undefined);
    const step = operation?.steps.find(({ n }) => n === kill.n);
    if (operation === undefined || step === undefined) continue;
    if (kill.point === 'during' && step.state === (isUndo ? 'undoing' : 'running')) {
      await appliance.stop('SIGKILL');
      return true;
    }
    // It had nothing to do there, or was too quick to be caught. A stop that was asked for is no attempt.
    const isPast = isUndo ? step.state === 'undone' : ['done', 'skipped'].includes(step.state);
    if (isPast || isOver(operation.state)) {
      await appliance.stop();
      return false;
    }
    await sleep(2);
  }
  return true;
}

/** Lets the daemon go on undisturbed until the operation is over. */
async function settle(appliance: TestAppliance): Promise<OperationView> {
  if (!appliance.isRunning) await appliance.start();
  for (;;) {
    const operation = await appliance.operation();
    if (isOver(operation.state) || operation.state === 'stuck') return operation;
    await sleep(50);
  }
}

t.test('an installation killed at every step ends as if nothing had happened', async (t) => {
  const bundle = await demoBundle();
  const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
  t.teardown(() => appliance.remove());

  await appliance.start({ ONSTEAD_FAULT: '1/preflight:before' });
  await appliance.onstead(['install', bundle.path, '--detach']);
  await appliance.ended();

  let hits = 0;
  const kills = killsFor(storedOperation(appliance).steps, '').slice(1);
  for (const kill of kills) {
    if (isOver(storedOperation(appliance).state)) break;
    if (await killAt(appliance, kill)) hits += 1;
  }
  t.comment(`${hits + 1} of ${kills.length + 1} points were hit; at the others there was nothing to do`);
  t.ok(hits >= kills.length / 2, 'most points were really hit');

  const end = await settle(appliance);
  t.equal(end.state, 'done', JSON.stringify(end.error));
  t.ok(end.steps.every(({ state }) => state === 'done' || state === 'skipped'));

  const containers = await appliance.engine.containers.list({ project: appliance.project });
  const running = containers.map(({ service }) => service).toSorted();
  t.strictSame(
    running,
    ['app', 'app', 'minio', 'mysql', 'nginx', 'onstead-edge', 'redis'],
    'no double, none missing',
  );
  t.ok(
    containers.every(({ oneOff }) => !oneOff),
    'no migration was left behind',
  );
  t.equal(
    (await appliance.engine.volumes.list({ labels: [`onstead.project=${appliance.project}`] })).length,
    3,
  );

  const migrated = await appliance.compose([
    'exec',
    '-T',
    'app',
    'node',
    '/app/src/main.ts',
    'migrate',
    'status',
    '--json',
  ]);
  const { complete, broken } = JSON.parse(migrated.stdout) as { complete: boolean; broken: unknown[] };
  t.ok(complete && broken.length === 0, migrated.stdout);

  const again = await appliance.onstead(['install', bundle.path]);
  t.match(again.stdout, /nothing needed doing/, 'the same end state as without the kills');
  t.equal((await appliance.onstead(['status'])).code, 0);
});

t.test('an installation that fails and is killed at every step of going back leaves nothing', async (t) => {
  const bundle = await demoBundle('migration-fails');
  const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
  t.teardown(() => appliance.remove());
  const before = await leftovers(appliance);

  await appliance.start();
  await appliance.onstead(['install', bundle.path, '--detach']);
  while ((await appliance.operation()).state !== 'rolling-back') {
    if (isOver((await appliance.operation()).state)) break;
    await sleep(5);
  }
  await appliance.stop('SIGKILL');
  let hits = 0;
  // Steps that have something to take back; the table is asked, not copied.
  const executors = installExecutors({} as DeployTools);
  const touched = storedOperation(appliance).steps.filter(
    ({ state, type }) =>
      !['pending', 'skipped', 'undone'].includes(state) &&
      executors[type as keyof typeof executors].undo !== undefined,
  );
  const kills = killsFor(touched.toReversed(), 'undo:');
  for (const kill of kills) {
    if (isOver(storedOperation(appliance).state)) break;
    if (await killAt(appliance, kill)) hits += 1;
  }
  t.comment(`${hits} of ${kills.length} points were hit`);
  t.ok(hits >= kills.length / 2, 'most points were really hit');

  const end = await settle(appliance);
  t.equal(end.state, 'rolled-back', JSON.stringify(end.error));
  t.match(end.error?.message, /migration failed/i, 'the cause is still known');
  t.strictSame(await leftovers(appliance), before, 'nothing is left on the engine');

  const good = await demoBundle();
  const retry = await appliance.onstead(['install', good.path]);
  t.equal(retry.code, 0, retry.stdout + retry.stderr);
});

t.test('a step that is interrupted again and again is given up, not tried for ever', async (t) => {
  const bundle = await demoBundle();
  const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
  t.teardown(() => appliance.remove());
  const fault = { ONSTEAD_FAULT: '8/write-stack:before' };
  await appliance.start(fault);
  await appliance.onstead(['install', bundle.path, '--detach']);
  let starts = 1;
  for (; starts < 10; starts += 1) {
    await appliance.ended();
    await appliance.start(fault);
    if (appliance.isRunning) break;
  }
  const end = await settle(appliance).catch(async () => appliance.operation());
  t.equal(end.state, 'rolled-back');
  t.match(end.error?.message, /interrupted/);
  t.ok(starts <= 6, `given up after ${starts} starts`);
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
