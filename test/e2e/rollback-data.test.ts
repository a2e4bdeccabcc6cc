// A release with a migration that has no way down: the way back puts the data of then in place, says before what that
// loses, and can itself be taken back.

import t from 'tap';
import { TestAppliance } from './appliance.ts';
import { demoBundle } from './demo-bundle.ts';
import { startUsers } from './users.ts';

t.setTimeout(590_000);

const first = await demoBundle('1.0.0');
const appliance = await TestAppliance.make({ publicKey: first.publicKey });
t.teardown(() => appliance.remove());
await appliance.writeSettings('limits: { memory: 5G, disk: 40G }\nupgrade: { soak: 2s }\n');

const version = async (): Promise<string> => {
  const { stdout } = await appliance.onstead(['status', '--json']);
  return (JSON.parse(stdout) as { release: { version: string } }).release.version;
};
const write = async (title: string): Promise<void> => {
  const { status, body } = await appliance.ask('/api/notes', { body: { title } });
  if (status !== 201) throw new Error(body);
};
const titles = async (): Promise<string[]> => {
  const client = ['mysql', '--defaults-extra-file=/run/secrets/admin.cnf', '--batch', '--skip-column-names'];
  const words = ['exec', '-T', 'mysql', ...client, '-e', 'SELECT title FROM notes ORDER BY id', 'notes'];
  return (await appliance.compose(words)).stdout.trim().split('\n');
};

t.before(async () => {
  await appliance.start();
  const { code, stderr } = await appliance.onstead(['install', first.path]);
  if (code !== 0) throw new Error(stderr);
  await write('from before');
});

t.test('a migration without a way down is agreed to in words, or nothing is begun', async (t) => {
  const { path } = await demoBundle('1.2.0');
  t.match((await appliance.onstead(['upgrade', path])).stdout, /cannot be taken back/);
  t.match(await appliance.onstead(['upgrade', path, '--yes']), { code: 3, stderr: /--irreversible/ });
  t.equal(await version(), '1.0.0');
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--irreversible', '--yes']);
  t.equal(code, 0, stdout + stderr);
  await write('from after');
});

t.test('the data cannot be kept, and what restoring it loses is said', async (t) => {
  t.match(await appliance.onstead(['rollback']), { code: 3, stderr: /--restore-data/ });
  const { code, stdout, stderr } = await appliance.onstead(['rollback', '--restore-data']);
  t.equal(code, 0, stderr);
  t.match(stdout, /notes: 1 rows added, 0 changed, 0 deleted; this will be lost/);
  t.match(stdout, /Put the data of then in place/);
  t.strictSame(await titles(), ['from before', 'from after'], 'and nothing was changed');
});

t.test('going back puts the data of then in place while requests wait', async (t) => {
  const users = await startUsers(appliance, { users: 2, pauseMs: 200 });
  const { code, stdout, stderr } = await appliance.onstead(['rollback', '--restore-data', '--yes']);
  const seen = await users.stop();
  t.equal(code, 0, stdout + stderr);
  t.equal(await version(), '1.0.0');
  t.strictSame(seen.failures, [], `the longest waited ${Math.round(seen.longestMs)} ms`);
  const now = await titles();
  t.equal(now[0], 'from before');
  t.notOk(now.includes('from after'));
  const question = ['exec', '-T', 'app', 'node', '/app/src/main.ts', 'migrate', 'status', '--json'];
  t.match(JSON.parse((await appliance.compose(question)).stdout), { version: 1, complete: true });
});

t.test('and forth again', async (t) => {
  const { path } = await demoBundle('1.2.0');
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--irreversible', '--yes']);
  t.equal(code, 0, stdout + stderr);
  t.equal(await version(), '1.2.0');
  t.equal((await appliance.onstead(['status'])).code, 0);
});
