// Opened secrets: each service's own folder, for its own user, with nothing stale. Runs as root, as the daemon does.

import { chmod, chown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { parseRelease } from '../../../src/release/index.ts';
import {
  isUnsealed,
  openedServices,
  secretNamesOf,
  unsealInto,
  type OpenedService,
} from '../../../src/stack/index.ts';
import { openFolder, openStore, releaseText, releaseWith } from './lab.ts';

const isRoot = process.getuid!() === 0;
const self = { uid: process.getuid!(), gid: process.getgid!() };
/** Only root can give files away; anybody else gives them to himself. */
const someone = isRoot ? { uid: 12_345, gid: 23_456 } : self;
const other = isRoot ? { uid: 12_346, gid: 23_457 } : self;

const one = (files: Record<string, string>, owner: OpenedService['owner'] = someone): OpenedService => ({
  service: 'one',
  owner,
  files,
});
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

t.test("a service's files are readable by its user alone", async (t) => {
  const folder = join(await openFolder(t), 'run');
  await unsealInto(folder, [one({ password: 'x' })]);
  t.equal(await modeOf(folder), 0o700);
  t.equal(await modeOf(join(folder, 'one')), 0o500);
  t.equal(await modeOf(join(folder, 'one/password')), 0o400);
  for (const path of ['one', 'one/password']) {
    const { uid, gid } = await stat(join(folder, path));
    t.strictSame({ uid, gid }, someone);
  }
});

t.test('where the user is not known, the folder above keeps the world out', async (t) => {
  const folder = await openFolder(t);
  await chmod(folder, 0o755);
  await unsealInto(folder, [{ service: 'one', owner: undefined, files: { password: 'x' } }]);
  t.equal(await modeOf(folder), 0o700, 'also where the folder was there before');
  t.equal(await modeOf(join(folder, 'one')), 0o555);
  t.equal(await modeOf(join(folder, 'one/password')), 0o444);
});

t.test('what is not wanted any more is removed, what is right stays untouched', async (t) => {
  const folder = await openFolder(t);
  await unsealInto(folder, [one({ kept: 'k', old: 'o', constructor: 'c' })]);
  const { ino } = await stat(join(folder, 'one/kept'));
  await unsealInto(folder, [one({ kept: 'k', fresh: 'f' })]);
  t.strictSame((await readdir(join(folder, 'one'))).sort(), ['fresh', 'kept']);
  t.equal((await stat(join(folder, 'one/kept'))).ino, ino);
});

t.test('a missing, changed or empty folder is seen', async (t) => {
  const folder = await openFolder(t);
  const services = [one({ a: '1', b: '2' })];
  t.equal(await isUnsealed(folder, services), false);
  await unsealInto(folder, services);
  t.equal(await isUnsealed(folder, services), true);
  await writeFile(join(folder, 'one/a'), 'x');
  t.equal(await isUnsealed(folder, services), false);
  await unsealInto(folder, services);
  t.equal(await readFile(join(folder, 'one/a'), 'utf8'), '1');
  await rm(join(folder, 'one/b'));
  t.equal(await isUnsealed(folder, services), false);
  t.equal(await isUnsealed(folder, [...services, { service: 'bare', owner: undefined, files: {} }]), false);
});

t.test('a service without secrets has its empty folder, so that it can be mounted', async (t) => {
  const folder = await openFolder(t);
  const bare = [{ service: 'bare', owner: undefined, files: {} }];
  t.equal(await isUnsealed(folder, bare), false);
  await unsealInto(folder, bare);
  t.equal(await isUnsealed(folder, bare), true);
  t.strictSame(await readdir(join(folder, 'bare')), []);
});

t.test('a service that got another user can read its secrets again', async (t) => {
  const folder = await openFolder(t);
  await unsealInto(folder, [one({ a: '1' })]);
  const moved = [one({ a: '1' }, other)];
  t.equal(await isUnsealed(folder, moved), !isRoot);
  await unsealInto(folder, moved);
  const { uid, gid } = await stat(join(folder, 'one/a'));
  t.strictSame({ uid, gid }, other);
  t.equal(await isUnsealed(folder, moved), true);
  await chmod(join(folder, 'one/a'), 0o444);
  t.equal(await isUnsealed(folder, moved), false, 'open to the world is not as it should be');
});

t.test('each service of the default stack gets its own secrets', async (t) => {
  const release = parseRelease(releaseText, 'compose.yaml');
  const store = await openStore(await openFolder(t));
  await store.ensure(secretNamesOf(release));
  const opened = Object.fromEntries(
    openedServices(release, store).map(({ service, files, owner }) => [
      service,
      { names: Object.keys(files).sort(), owner },
    ]),
  );
  t.strictSame(opened, {
    app: {
      names: ['mysql_password', 'redis_password', 's3_access_key', 's3_secret_key'],
      owner: { uid: 10_002, gid: 10_002 },
    },
    mysql: {
      names: ['admin.cnf', 'app.cnf', 'mysql_password', 'mysql_root_password'],
      owner: { uid: 999, gid: 999 },
    },
    redis: { names: ['redis_password', 'users.acl'], owner: { uid: 999, gid: 999 } },
    nginx: { names: ['edge.crt', 'edge.key'], owner: { uid: 101, gid: 101 } },
    minio: { names: ['s3_access_key', 's3_secret_key'], owner: { uid: 10_001, gid: 10_001 } },
  });
  const redis = openedServices(release, store).find(({ service }) => service === 'redis')!;
  t.notOk(redis.files['users.acl']!.includes(store.get('redis_password')), 'Redis reads a hash');
});

t.test('users are understood as Compose writes them', async (t) => {
  const ownerFor = async (user: string): Promise<unknown> => {
    const release = parseRelease(
      releaseWith(`job: { image: 'a/job:1', user: ${user}, secrets: [key] }`, 'secrets: { key: {} }'),
      'compose.yaml',
    );
    const store = await openStore(await openFolder(t));
    await store.ensure(secretNamesOf(release));
    return openedServices(release, store).find(({ service }) => service === 'job')!.owner;
  };
  t.strictSame(await ownerFor('"1000:2000"'), { uid: 1000, gid: 2000 });
  t.strictSame(await ownerFor('1000'), { uid: 1000, gid: 1000 });
  t.equal(await ownerFor('node'), undefined);
  t.equal(await ownerFor('""'), undefined);
});

t.test('a folder that somebody else made is taken over', { skip: !isRoot && 'needs root' }, async (t) => {
  const folder = await openFolder(t);
  await mkdir(join(folder, 'one'));
  await chown(join(folder, 'one'), other.uid, other.gid);
  await unsealInto(folder, [one({ a: '1' })]);
  t.equal((await stat(join(folder, 'one'))).uid, someone.uid);
});
