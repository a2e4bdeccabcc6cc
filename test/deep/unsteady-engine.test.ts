// The engine is stopped, killed and stays away in the middle of an installation: it waits, or says what a person has
// to do, and ends whole or not at all.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { TestAppliance } from '../e2e/appliance.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { footprint } from '../e2e/footprint.ts';
import { PrivateMachine } from '../e2e/private-machine.ts';

t.setTimeout(600_000);

const bundle = await demoBundle();
const slowBundle = await demoBundle('1.0.0', (text) =>
  text.replace(/( +up: ).*\n/, "$1[sh, -c, 'sleep 3; node /app/src/main.ts migrate up']\n"),
);
const machine = new PrivateMachine();
const appliance = await TestAppliance.make({ publicKey: bundle.publicKey, machine });
t.teardown(async () => {
  await machine.cutPower();
  await appliance.remove();
  await machine.remove();
});
await machine.boot();

/** Waits until the newest operation is at this step; `nth` where the plan has several of its type. */
async function reaches(type: string, nth = 0): Promise<void> {
  const giveUpAtMs = performance.now() + 180_000;
  while (performance.now() < giveUpAtMs) {
    const operation = await appliance.operation().catch(() => undefined);
    if (operation?.state === 'rolling-back') break;
    const step = operation?.steps.filter((one) => one.type === type)[nth];
    if (step?.state === 'running') return;
    await sleep(20);
  }
  const { stdout } = await appliance.onstead(['operations', 'show']);
  throw new Error(`the operation did not come to ${type}: ${stdout}`);
}

async function started(count: number): Promise<void> {
  for (const giveUpAtMs = performance.now() + 60_000; performance.now() < giveUpAtMs; await sleep(50)) {
    const all = await appliance.engine.containers.list({ project: appliance.project });
    if (all.filter(({ status }) => status === 'running').length >= count) return;
  }
  throw new Error(`no ${count} containers run`);
}

async function migrationRuns(): Promise<void> {
  for (const giveUpAtMs = performance.now() + 60_000; performance.now() < giveUpAtMs; await sleep(50)) {
    const all = await appliance.engine.containers.list({ project: appliance.project });
    if (all.some(({ oneOff, status }) => oneOff && status === 'running')) return;
  }
  throw new Error('no migration runs');
}

const images = async (): Promise<string[]> =>
  (await appliance.engine.images.list()).flatMap(({ repoTags }) => repoTags).toSorted();

t.test('without an engine nothing is begun, and the error says so', async (t) => {
  await appliance.start({ ONSTEAD_ENGINE_WAIT: '3' });
  const { code, stderr } = await appliance.onstead(['install', bundle.path]);
  t.equal(code, 4, stderr);
  t.match(stderr, /There is no Docker Engine at .*docker\.sock/);
  t.match(stderr, /next: .*start it/);
  t.strictSame(await appliance.client.get('/api/operations'), [], 'no operation was begun');
});

t.test('an engine that stays away leaves the operation stuck, with what to do', async (t) => {
  await machine.startEngine();
  const before = await footprint(appliance);
  const installing = appliance.onstead(['install', bundle.path]);
  await reaches('load-images');
  await sleep(1_000);
  await machine.killEngine();
  const stuck = await installing;
  t.equal(stuck.code, 5, stuck.stdout + stuck.stderr);
  t.match(stuck.stdout, /Waiting: .*Docker Engine/);
  t.match(stuck.stdout, /Stuck: Install Notes/);
  t.match(stuck.stdout, /"Load the images" cannot go on: .*Docker Engine/);
  t.match(stuck.stdout, /onstead operations resume.*onstead operations abandon/);
  const { id } = await appliance.operation();

  const busy = await appliance.onstead(['install', bundle.path]);
  t.not(busy.code, 0, 'nothing else begins while it is stuck');

  const tooEarly = await appliance.onstead(['operations', 'resume', id]);
  t.equal(tooEarly.code, 5, 'resumed while the engine is still away');
  t.match(tooEarly.stdout, /Stuck/);

  await machine.startEngine();
  const resumed = appliance.onstead(['operations', 'resume', id]);
  await reaches('start-services');
  await started(3); // see below: an engine that is killed while it starts a container may hang
  await machine.killEngine();
  t.equal((await resumed).code, 5, 'it went on to the next step, and is stuck there');

  const noWayBack = await appliance.onstead(['operations', 'abandon', id]);
  t.equal(noWayBack.code, 5, 'taking back needs the engine too');
  t.match(noWayBack.stdout, /Stuck/);

  await machine.startEngine();
  const abandoned = await appliance.onstead(['operations', 'abandon', id]);
  t.equal((await appliance.operation(id)).state, 'rolled-back', abandoned.stdout + abandoned.stderr);
  t.strictSame(await footprint(appliance), before, 'nothing is left');
  t.strictSame(await images(), [], 'no image either');
  await appliance.stop();
});

t.test('an engine that is stopped or killed in the middle of several steps is waited for', async (t) => {
  await appliance.start();
  const installing = appliance.onstead(['install', slowBundle.path]);
  // Killed while it makes a network or starts a container, an engine 20.10 keeps half of it, and may hang for ever at
  // its own next start: there it is stopped, and killed where it is busy with something else.
  for (const [type, nth, pauseMs, signal] of [
    ['migrate', 0, 0, 'SIGKILL'],
    ['start-services', 1, 1_000, 'SIGTERM'],
    ['smoke-test', 0, 0, 'SIGKILL'],
  ] as const) {
    await reaches(type, nth);
    if (type === 'migrate') await migrationRuns();
    await sleep(pauseMs);
    await machine.killEngine(signal);
    await sleep(500);
    await machine.startEngine();
  }
  const { code, stdout, stderr } = await installing;
  t.equal(code, 0, stdout + stderr);
  t.match(stdout, /Waiting: /);
  for (let tries = 0; tries < 60 && (await appliance.onstead(['status'])).code !== 0; tries += 1) {
    await sleep(1_000);
  }
  const status = await appliance.onstead(['status']);
  t.equal(status.code, 0, status.stdout);
  t.equal((await appliance.ask('/api/ready')).status, 200);
  const again = await appliance.onstead(['install', slowBundle.path]);
  t.match(again.stdout, /nothing needed doing/);
  const all = await appliance.engine.containers.list({ project: appliance.project });
  t.notOk(
    all.some(({ oneOff }) => oneOff),
    'no migration was left behind',
  );
});
