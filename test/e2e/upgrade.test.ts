// A customer upgrades while people use the application: nobody notices, and a release that is bad never becomes theirs.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { demoBundle } from './demo-bundle.ts';
import { installedAppliance } from './installed-appliance.ts';
import type { Appointment } from '../../src/deploy/index.ts';
import { flat } from './notes-data.ts';
import { storedFact, storeFact } from './stored-operation.ts';
import { startUsers } from './users.ts';

t.setTimeout(890_000);

const first = await demoBundle('1.0.0');
const appliance = await installedAppliance(t, first, '{ readyWithin: 20s, soak: 2s, keepWarm: 2m }');

const version = async (): Promise<string> => {
  const { stdout } = await appliance.onstead(['status', '--json']);
  return (JSON.parse(stdout) as { release: { version: string } }).release.version;
};

t.test('without --yes the plan is shown and nothing is changed', async (t) => {
  const bundle = await demoBundle('1.1.0');
  const { code, stdout } = await appliance.onstead(['upgrade', bundle.path]);
  t.equal(code, 0);
  t.match(stdout, /^Notes 1\.0\.0 → 1\.1\.0, \d+ steps$/m);
  t.match(stdout, /Migrations +app +reversible: node .* migrate up/);
  t.match(stdout, /Replaced +app +2 replicas, one after the other.*requests are answered/);
  t.match(stdout, /needs \d.*the copy of mysql.* free/, 'measured');
  t.match(stdout, /\d+ steps as measured on this machine/, 'the installation was measured');
  t.ok(stdout.split('\n').length < 30, 'it fits on one screen');
  t.match(stdout, /Add --yes/);
  t.equal(await version(), '1.0.0');
});

t.test('an upgrade of the app and its database fails no request', async (t) => {
  const bundle = await demoBundle('1.1.0');
  const users = await startUsers(appliance);
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', bundle.path, '--yes']);
  const seen = await users.stop();
  t.equal(code, 0, stdout + stderr);
  t.equal(await version(), '1.1.0');
  t.ok(seen.answered > 100, `${seen.answered} answers`);
  t.strictSame(seen.failures, []);
  const containers = await appliance.engine.containers.list({ project: appliance.project, service: 'app' });
  t.ok(containers.every(({ status }) => status === 'running'));
  t.equal(new Set(containers.map(({ image }) => image)).size, 1, 'all replicas are of one release');
  const again = await appliance.compose(['up', '--detach', '--dry-run', '--progress', 'plain']);
  t.notMatch(again.stderr, /Recreate|Creating|Create /, 'the folder says what runs');
});

t.test('a rollback takes the release and its migrations back, and fails no request', async (t) => {
  const { stdout: told } = await appliance.onstead(['rollback', '--steps']);
  t.match(told, /^Notes 1\.1\.0 → 1\.0\.0, \d+ steps$/m);
  t.match(told, /the migrations of app are taken back: node .* migrate down/);
  t.match(told, /needs \d.*the copy of mysql.* free/);
  t.match(told, /^ +\d+ +\S+ s +Take back the migrations of app/m, 'each step with its time');
  t.notMatch(told, /schema_migrations.*this is kept\./);
  const users = await startUsers(appliance);
  const { code, stdout, stderr } = await appliance.onstead(['rollback', '--yes']);
  const seen = await users.stop();
  t.equal(code, 0, stdout + stderr);
  t.equal(await version(), '1.0.0');
  t.strictSame(seen.failures, []);
  const question = ['exec', '-T', 'app', 'node', '/app/src/main.ts', 'migrate', 'status', '--json'];
  t.match(JSON.parse((await appliance.compose(question)).stdout), { version: 1, complete: true });
});

t.test('given twice it does not go forth again, and what was gone back to is as installed', async (t) => {
  const { id } = await appliance.operation();
  const again = await appliance.onstead(['rollback', '--yes']);
  t.equal(again.code, 3, again.stdout);
  t.match(flat(again.stderr), /1\.0\.0 is what you went back to .*onstead upgrade BUNDLE/);
  t.match(flat(again.stderr), `onstead rollback --to ${id} --restore-data`);
  const kept = await appliance.onstead(['rollback', '--to', id]);
  t.match(kept, { code: 3, stderr: /1\.1\.0 needs migrations/ }, 'its schema is not there any more');
  t.match(await appliance.onstead(['rollback', '--to', 'nonsense']), { code: 3, stderr: new RegExp(id) });
  const { code, stdout, stderr } = await appliance.onstead(['install', first.path]);
  t.equal(code, 0, stderr);
  t.match(stdout, /Everything is as it should be; nothing needed doing\./);
});

t.test('while the old replicas are kept warm, a rollback is one reload, and fails no request', async (t) => {
  const { path } = await demoBundle('1.1.0');
  const users = await startUsers(appliance);
  await appliance.onstead(['upgrade', path, '--strategy', 'blue-green', '--yes', '--detach']);
  const isWarm = async (): Promise<boolean> =>
    (await appliance.operation()).steps.some(
      ({ type, state }) => type === 'keep-warm' && state === 'running',
    );
  while (!(await isWarm())) await sleep(200);
  const old = await appliance.engine.containers.list({ project: appliance.project, service: 'app' });
  t.equal(old.length, 4, 'both sides run');
  await appliance.stop('SIGKILL');
  await appliance.start();
  while (!(await isWarm())) await sleep(200);
  const { path: other } = await demoBundle('1.2.0');
  t.match(
    await appliance.onstead(['upgrade', other, '--yes']),
    { code: 5, stderr: /"Upgrade Notes from 1\.0\.0 to 1\.1\.0" \(upgrade-.*\) is running/ },
    'a second upgrade while one runs is refused, and says which',
  );
  t.match((await appliance.onstead(['rollback'])).stdout, /is under way: it is halted and taken back/);
  const { code, stdout, stderr } = await appliance.onstead(['rollback', '--yes']);
  const seen = await users.stop();
  t.equal(code, 0, stdout + stderr);
  t.match(stdout, /Taken back, as a person asked: Upgrade Notes from 1\.0\.0 to 1\.1\.0/);
  t.equal(await version(), '1.0.0');
  t.strictSame(seen.failures, []);
  const left = await appliance.engine.containers.list({ project: appliance.project, service: 'app' });
  t.ok(
    left.length === 2 && left.every(({ id }) => old.some((one) => one.id === id)),
    'the very same replicas',
  );
});

t.test('an upgrade planned for later begins by itself, though the daemon was away at its time', async (t) => {
  const { path } = await demoBundle('1.1.0');
  const planned = await appliance.onstead(['upgrade', path, '--at', '23:59', '--yes']);
  t.match(planned, { code: 0, stdout: /Planned: Upgrade Notes from 1\.0\.0 to 1\.1\.0 at .* 23:59 \(/ });
  const again = await appliance.onstead(['upgrade', path, '--at', '22:00', '--yes']);
  t.match(again, { code: 5, stderr: /is planned already.*\n.*operations cancel/ });
  t.match((await appliance.onstead(['operations'])).stdout, /scheduled +\d{4}-.*Upgrade Notes/);
  await appliance.stop();
  const newest = storedFact<Appointment>(appliance, 'appointment')!;
  storeFact(appliance, 'appointment', { ...newest, at: new Date(Date.now() - 60_000).toISOString() });
  await appliance.start();
  const isDone = async (): Promise<boolean> => {
    const { id, state } = await appliance.operation();
    return id === newest.id && state === 'done';
  };
  while (!(await isDone())) await sleep(500);
  t.equal(await version(), '1.1.0');
  t.equal(JSON.parse((await appliance.onstead(['status', '--json'])).stdout).planned, null);
});

t.test('a release that never becomes ready is taken back, and nobody notices', async (t) => {
  const bundle = await demoBundle('never-ready');
  await appliance.stop();
  await appliance.writeSettings('limits: { memory: 5G, disk: 40G }\nupgrade: { readyWithin: 5s }\n');
  await appliance.start();
  const users = await startUsers(appliance);
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', bundle.path, '--yes']);
  const seen = await users.stop();
  t.equal(code, 5, stdout + stderr);
  t.match(stderr + stdout, /ready/);
  t.equal(await version(), '1.1.0');
  t.strictSame(seen.failures, []);
  t.equal((await appliance.operation()).state, 'rolled-back');
});
