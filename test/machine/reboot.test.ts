// The appliance comes back after a reboot and after a power cut, with its data, whether the daemon runs or not.

import { setTimeout as sleep } from 'node:timers/promises';
import { existsSync } from 'node:fs';
import t from 'tap';
import { TestAppliance } from '../e2e/appliance.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { PrivateMachine } from '../e2e/private-machine.ts';

t.setTimeout(600_000);

const COMES_BACK_WITHIN_MS = 120_000;

const bundle = await demoBundle();
const machine = new PrivateMachine();
const appliance = await TestAppliance.make({ publicKey: bundle.publicKey, machine });
const volatile = [`${appliance.paths.root}/run`];
t.teardown(async () => {
  await machine.cutPower();
  await appliance.remove();
  await machine.remove();
});

async function makeNote(title: string): Promise<void> {
  const { status, body } = await appliance.ask('/api/notes', { body: { title } });
  if (status !== 201) throw new Error(`no note was made: ${status} ${body}`);
}

/** Everything healthy, and the app answers as a client of the edge sees it; returns what is wrong. */
async function complaint(): Promise<string | undefined> {
  const containers = await appliance.engine.containers.list({ project: appliance.project });
  if (containers.length === 0) return 'there are no containers';
  for (const { id, name } of containers) {
    const facts = await appliance.engine.containers.inspect(id);
    if (facts?.status !== 'running' || !['healthy', 'none'].includes(facts.health)) {
      return `${name} is ${facts?.status} ${facts?.health}, exit code ${facts?.exitCode}`;
    }
  }
  const answer = await appliance.ask('/api/ready').catch((error: Error) => error);
  if (answer instanceof Error) return answer.message;
  return answer.status === 200 ? undefined : `/api/ready answers ${answer.status}`;
}

async function untilWell(limitMs = COMES_BACK_WITHIN_MS): Promise<string | undefined> {
  const giveUpAtMs = performance.now() + limitMs;
  for (;;) {
    const wrong = await complaint();
    if (wrong === undefined || performance.now() > giveUpAtMs) return wrong;
    await sleep(500);
  }
}

async function notes(): Promise<string> {
  return (await appliance.ask('/api/notes')).body;
}

async function reboot(): Promise<void> {
  await appliance.stop();
  await machine.killEngine('SIGTERM');
  await machine.cutPower();
  await machine.boot(volatile);
  t.notOk(existsSync(machine.seen(appliance.paths.unsealed)), 'memory has forgotten the secrets');
}

t.test('an installed stack is well', async (t) => {
  await machine.boot(volatile);
  await machine.startEngine();
  await appliance.start();
  const { code, stdout, stderr } = await appliance.onstead(['install', bundle.path]);
  t.equal(code, 0, stdout + stderr);
  await makeNote('before the first reboot');
  t.equal(await untilWell(), undefined);
});

t.test('with the daemon disabled, what systemd runs at boot brings everything back', async (t) => {
  await reboot();
  const secrets = await appliance.onstead(['boot', '--secrets']);
  t.equal(secrets.code, 0, secrets.stderr);
  t.match(secrets.stdout, /The secrets are open again/);
  await machine.startEngine();
  const boot = await appliance.onstead(['boot']);
  t.equal(boot.code, 0, boot.stderr);
  t.equal(await untilWell(), undefined);
  t.match(await notes(), /before the first reboot/);
  const again = await appliance.onstead(['boot', '--json']);
  t.strictSame(JSON.parse(again.stdout), { installed: true, reopened: false, changes: 0 });
});

t.test('the daemon alone brings it back after a power cut, with every note that was answered', async (t) => {
  await appliance.start();
  await makeNote('just before the power cut');
  await machine.cutPower();
  await appliance.ended();
  await machine.boot(volatile);
  await machine.startEngine();
  await appliance.start();
  t.equal(await untilWell(), undefined);
  t.match(await notes(), /just before the power cut/);
  await appliance.stop();
});

t.test('a daemon that starts before the engine brings the stack up once the engine is there', async (t) => {
  await reboot();
  await appliance.start();
  await sleep(2_000);
  await machine.startEngine();
  t.equal(await untilWell(), undefined);
  t.match(await notes(), /just before the power cut/);
});

t.test('a restart of the engine under a running daemon ends well', async (t) => {
  await machine.killEngine();
  await machine.startEngine();
  t.equal(await untilWell(), undefined);
  await appliance.stop();
});

t.test('with neither, nothing starts without its secrets, and boot heals it', async (t) => {
  await reboot();
  await machine.startEngine();
  await sleep(3_000);
  t.type(await complaint(), 'string', 'what needs its secrets is down');
  const byHand = await appliance.compose(['up', '-d']);
  t.not(byHand.code, 0, 'a service never starts on an empty folder of secrets');
  const boot = await appliance.onstead(['boot']);
  t.equal(boot.code, 0, boot.stderr);
  t.equal(await untilWell(), undefined);
  t.match(await notes(), /just before the power cut/);
});
