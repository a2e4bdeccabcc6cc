// The daemon is killed with SIGKILL before, during and after every step of an installation, and of taking one back.
// The steps come from the plan itself, so a new one is covered without anyone remembering.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { OperationView } from '../../../src/api/schemas.ts';
import { isOver } from '../../../src/journal/index.ts';
import { installExecutors, type DeployTools } from '../../../src/deploy/index.ts';
import { TestAppliance } from '../appliance.ts';
import { demoBundle } from '../demo-bundle.ts';
import { storedOperation } from '../stored-operation.ts';

type Point = 'before' | 'during' | 'after';

interface Kills {
  /** Steps that were killed there, by their number. */
  readonly before: number[];
  readonly during: number[];
  readonly after: number[];
}

/**
 * Kills the daemon before, during and after each of these steps, in this order. It never gets past the next one's
 * beginning: wherever it is let go, the next `before` is armed too.
 */
async function killThrough(
  appliance: TestAppliance,
  steps: readonly { readonly n: number; readonly type: string }[],
): Promise<Kills> {
  const kills: Kills = { before: [], during: [], after: [] };
  for (const [at, { n, type }] of steps.entries()) {
    const next = steps[at + 1];
    const armed = (point: Point): string =>
      [`${n}/${type}:${point}`, ...(next === undefined ? [] : [`${next.n}/${next.type}:before`])].join(',');
    if (await diesAt(appliance, n, armed('before'))) kills.before.push(n);
    if (!isSettled(appliance, n) && (await diesDuring(appliance, n, armed('after')))) kills.during.push(n);
    if (!isSettled(appliance, n) && (await diesAt(appliance, n, armed('after')))) kills.after.push(n);
  }
  return kills;
}

function isSettled(appliance: TestAppliance, n: number): boolean {
  const step = storedOperation(appliance).steps.find((one) => one.n === n);
  return step === undefined || ['done', 'skipped', 'undone'].includes(step.state);
}

/** True when it died with this step unsettled, false where the step had nothing to do and the next one stopped it. */
async function diesAt(appliance: TestAppliance, n: number, fault: string): Promise<boolean> {
  await appliance.start({ ONSTEAD_FAULT: fault });
  await endedOrOver(appliance);
  return !isSettled(appliance, n);
}

async function diesDuring(appliance: TestAppliance, n: number, fault: string): Promise<boolean> {
  await appliance.start({ ONSTEAD_FAULT: fault });
  for (
    const giveUpAtMs = Date.now() + 60_000;
    appliance.isRunning && Date.now() < giveUpAtMs;
    await sleep(2)
  ) {
    const step = (await appliance.operation().catch(() => undefined))?.steps.find((one) => one.n === n);
    if (step?.state !== 'running' && step?.state !== 'undoing') continue;
    await sleep(Math.random() * 200);
    await appliance.stop('SIGKILL');
  }
  await appliance.ended();
  return !isSettled(appliance, n);
}

async function endedOrOver(appliance: TestAppliance): Promise<void> {
  while (appliance.isRunning) {
    const operation = await appliance.operation().catch(() => undefined);
    if (operation !== undefined && (isOver(operation.state) || operation.state === 'stuck')) {
      await appliance.stop();
      return;
    }
    await sleep(20);
  }
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

  const steps = storedOperation(appliance).steps;
  const kills = await killThrough(appliance, steps);
  t.strictSame(
    kills.before,
    steps.map(({ n }) => n),
    'killed before every step',
  );
  t.comment(`killed during steps ${kills.during.join(', ')} and right after steps ${kills.after.join(', ')}`);
  const idle = steps.filter(({ n }) => !kills.during.includes(n) && !kills.after.includes(n));
  t.ok(idle.length <= 4, `nothing to do, or too quick, in ${idle.map(({ type }) => type).join(', ')}`);

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
  // Steps that have something to take back; the table is asked, not copied.
  const executors = installExecutors({} as DeployTools);
  const touched = storedOperation(appliance)
    .steps.toReversed()
    .filter(({ state }) => !['pending', 'skipped', 'undone'].includes(state))
    .filter(({ type }) => executors[type as keyof typeof executors].undo !== undefined)
    .map(({ n, type }) => ({ n, type: `undo:${type}` }));
  t.ok(touched.length >= 5, 'most of the way back is still to go');
  const kills = await killThrough(appliance, touched);
  t.strictSame(
    kills.before,
    touched.map(({ n }) => n),
    'killed before every step back',
  );
  t.comment(`killed during ${kills.during.join(', ')} and right after ${kills.after.join(', ')}`);

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
  await endedOrOver(appliance);
  let starts = 1;
  for (; starts < 10 && !isOver(storedOperation(appliance).state); starts += 1) {
    await appliance.start(fault);
    await endedOrOver(appliance);
  }
  const end = storedOperation(appliance);
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
