// `onstead boot` in the middle of an installation: it waits for a daemon that is at work, and where the daemon is
// gone it starts what is there already and nothing of what is not whole.

import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { TestAppliance } from '../appliance.ts';
import { demoBundle } from '../demo-bundle.ts';
import { storedOperation } from '../stored-operation.ts';

t.setTimeout(300_000);

const bundle = await demoBundle();
const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
t.teardown(() => appliance.remove());

async function services(): Promise<string[]> {
  const containers = await appliance.engine.containers.list({ project: appliance.project });
  return containers
    .filter(({ status }) => status === 'running')
    .map(({ service = '' }) => service)
    .toSorted();
}

t.test('without the daemon, half an installation is not raised, but what it had started is', async (t) => {
  await appliance.start({ ONSTEAD_FAULT: '1/preflight:before' });
  await appliance.onstead(['install', bundle.path, '--detach']);
  await appliance.ended();
  const { steps } = storedOperation(appliance);
  const start = steps.filter(({ type }) => type === 'start-services')[1]!;
  await appliance.start({ ONSTEAD_FAULT: `${start.n}/start-services:before` });
  await appliance.ended();
  t.strictSame(await services(), ['minio', 'mysql', 'redis']);
  const [mysql] = await appliance.engine.containers.list({ project: appliance.project, service: 'mysql' });
  await appliance.engine.containers.stop(mysql!.id);
  const boot = await appliance.onstead(['boot']);
  t.equal(boot.code, 0, boot.stderr);
  t.strictSame(await services(), ['minio', 'mysql', 'redis'], 'the app waits for its operation');
});

t.test('with a daemon at work it waits, and finds everything up', async (t) => {
  await appliance.start();
  const boot = await appliance.onstead(['boot']);
  t.match(boot.stdout, /waiting until that is over/);
  t.match(boot.stdout, /runs|was brought up/);
  t.equal(boot.code, 0, boot.stderr);
  t.equal((await appliance.operation()).state, 'done', 'it waited for the whole operation');
  t.equal((await appliance.onstead(['status'])).code, 0);
});

t.test('a daemon that is killed just after an operation leaves no mark of it for good', async (t) => {
  await appliance.stop();
  await appliance.start({ ONSTEAD_FAULT: '0/operation:after' });
  await appliance.onstead(['install', bundle.path, '--detach']);
  await appliance.ended();
  t.equal(storedOperation(appliance).state, 'done');
  t.ok(existsSync(appliance.paths.stackChanging), 'there was no time to remove the mark');
  await appliance.start();
  for (let tries = 0; tries < 200 && existsSync(appliance.paths.stackChanging); tries += 1) await sleep(50);
  t.notOk(existsSync(appliance.paths.stackChanging));
});
