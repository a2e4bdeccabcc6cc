// The daemon is killed while a vendor's migration runs: the migration goes on, and is not run again beside itself.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { isOver } from '../../../src/journal/index.ts';
import { TestAppliance } from '../appliance.ts';
import { demoBundle } from '../demo-bundle.ts';

t.setTimeout(300_000);

const SLOW = `[sh, -c, 'echo run; cat /proc/sys/kernel/random/uuid; sleep 8; cat /run/secrets/mysql_password; node /app/src/main.ts migrate up']`;

const bundle = await demoBundle('1.0.0', (text) => text.replace(/( +up: ).*\n/, `$1${SLOW}\n`));
const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
t.teardown(() => appliance.remove());

async function migrations() {
  const all = await appliance.engine.containers.list({ project: appliance.project });
  return all.filter(({ oneOff }) => oneOff);
}

async function untilMigrationRuns(): Promise<string> {
  for (const giveUpAtMs = performance.now() + 60_000; performance.now() < giveUpAtMs; await sleep(20)) {
    const running = (await migrations()).find(({ status }) => status === 'running');
    if (running !== undefined) return running.id;
  }
  throw new Error(`no migration runs: ${JSON.stringify(await appliance.operation().catch(() => null))}`);
}

t.test('a migration outlives the daemon that began it, by kill and by stop, and is waited for', async (t) => {
  await appliance.start();
  const begun = await appliance.onstead(['install', bundle.path, '--detach']);
  t.equal(begun.code, 0, begun.stderr);
  const id = await untilMigrationRuns();
  await sleep(500);
  await appliance.stop('SIGKILL');
  t.equal(await untilMigrationRuns(), id, 'it goes on without the daemon');
  const boot = await appliance.onstead(['boot']);
  t.equal(boot.code, 0, `${boot.stderr}: it is not taken for a service that is down`);
  await appliance.start();
  await sleep(1_000);
  await appliance.stop('SIGTERM');
  t.equal(await untilMigrationRuns(), id, 'a daemon that is stopped lets it go on too');
  await appliance.start();
  while (!isOver((await appliance.operation()).state)) await sleep(100);

  const operation = await appliance.operation();
  t.equal(operation.state, 'done', JSON.stringify(operation.error));
  const { stdout } = await appliance.onstead(['operations', 'show', operation.id]);
  const runs = new Set(stdout.match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g));
  t.equal(runs.size, 1, 'it ran once');
  t.strictSame(await migrations(), [], 'and left no container');
  t.match(stdout, '[secret]', 'what it printed of a secret is not kept');
});
