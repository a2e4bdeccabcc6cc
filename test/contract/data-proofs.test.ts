// What a data service held is asked before it ends and after the next one starts, on the real ones: the same is
// believed, an empty one or one that misses a part is not.

import { chmod, chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import {
  isRedisThere,
  keepVolumeFiles,
  makeVolume,
  proveRedis,
  proveState,
  putVolumeFilesBack,
  readRedis,
  readState,
  saveRedis,
} from '../../src/stack/index.ts';
import { until } from './engine-lab.ts';
import { openMysqlLab } from './restore-lab.ts';
import { demoImage } from './stack-lab.ts';

const lab = await openMysqlLab();
t.teardown(() => lab.close());
const { engine } = lab;
const password = 'not a word of this shows';

const secrets = join(lab.folder, 'redis-secrets');
await mkdir(secrets);
await writeFile(join(secrets, 'redis_password'), password, { mode: 0o400 });
await chown(join(secrets, 'redis_password'), 999, 999);
await chmod(lab.folder, 0o755);
const redisImage = await demoImage('redis');

async function redisOn(folder: string): Promise<string> {
  await mkdir(join(lab.folder, folder), { recursive: true });
  await chown(join(lab.folder, folder), 999, 999);
  const id = await lab.start(
    [
      ...['--read-only', '--tmpfs', '/tmp', '--network', 'none', '--user', '999:999'],
      ...['--volume', `${secrets}:/run/secrets:ro`, '--volume', `${join(lab.folder, folder)}:/data`],
    ],
    redisImage,
    ['redis-server', '--dir', '/data', '--appendonly', 'yes', '--requirepass', password],
  );
  await until('Redis', async () => ((await isRedisThere(engine, id)) ? true : undefined));
  return id;
}

const tell = async (id: string, ...words: string[]): Promise<string> => {
  const program = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" exec redis-cli -h 127.0.0.1 "$@"';
  return (await engine.containers.exec(id, { cmd: ['sh', '-c', program, 'redis-cli', ...words] })).stdout;
};

t.test('a Redis that comes back with its files holds what it held', async (t) => {
  const first = await redisOn('kept');
  await tell(first, 'SET', 'greeting', 'good day');
  await tell(first, 'SET', 'a key with spaces\nand lines', 'x', 'EX', '3600');
  await tell(first, 'HSET', 'person', 'name', 'Ada', 'born', '1815');
  await tell(first, 'RPUSH', 'queue', '1', '2', '3');
  await tell(first, 'SADD', 'colours', 'red', 'green');
  await tell(first, 'ZADD', 'scores', '1', 'one', '2', 'two');
  const held = await readRedis(engine, first, Date.now());
  t.equal(held.keys, 6);
  t.equal(held.expiring, 1);
  t.strictSame(held.sample.map(({ type }) => type).toSorted(), [
    'hash',
    'list',
    'set',
    'string',
    'string',
    'zset',
  ]);
  const writing = tell(first, 'SET', 'greeting', 'late'); // waits, and is cut off with the server
  await saveRedis(engine, first);
  await engine.containers.stop(first);
  await writing;
  const second = await redisOn('kept');
  t.match(await proveRedis(engine, second, held, Date.now()), /6 keys \(6 before\)/);
  t.equal((await tell(second, 'GET', 'greeting')).trim(), 'good day');
  const empty = await redisOn('empty');
  await t.rejects(proveRedis(engine, empty, held, Date.now()), { code: 'redis.other-data' });
  await tell(second, 'DEL', 'greeting', 'person');
  await t.rejects(proveRedis(engine, second, held, Date.now()), { message: /2 of 6 keys/ });
});

t.test('the files of a volume are put back as they were, with their owners', async (t) => {
  const volume = `${lab.project}_files`;
  await makeVolume(engine, lab.volume(volume, 'files'));
  const { mountpoint } = (await engine.volumes.inspect(volume))!;
  await mkdir(join(mountpoint, 'deep'));
  await writeFile(join(mountpoint, 'deep/one'), 'one', { mode: 0o640 });
  await chown(join(mountpoint, 'deep/one'), 999, 998);
  const copy = join(lab.folder, 'copy');
  t.notOk(await putVolumeFilesBack(engine, volume, copy), 'no copy, no change');
  await keepVolumeFiles(engine, volume, copy);
  await writeFile(join(mountpoint, 'deep/one'), 'another');
  await writeFile(join(mountpoint, 'more'), 'more');
  t.ok(await putVolumeFilesBack(engine, volume, copy));
  t.strictSame(await readdir(mountpoint), ['deep']);
  t.equal(await readFile(join(mountpoint, 'deep/one'), 'utf8'), 'one');
  t.match(await stat(join(mountpoint, 'deep/one')), { uid: 999, gid: 998, mode: 0o100640 });
  t.match(await stat(mountpoint), { uid: 999 }, 'the server may write there again');
});

t.test('a MySQL that comes back on its data holds every transaction, and another one does not', async (t) => {
  const first = await lab.mysqlOn(lab.dataVolume);
  await lab.sql(
    first,
    'CREATE DATABASE notes;',
    'CREATE TABLE notes.kept (id INT PRIMARY KEY AUTO_INCREMENT, body VARCHAR(400));',
    "INSERT INTO notes.kept (body) VALUES ('one'), ('two');",
  );
  const held = await readState(engine, first);
  t.ok(held.isExact);
  await engine.containers.stop(first);
  await engine.containers.remove(first);
  const second = await lab.mysqlOn(lab.dataVolume);
  t.match(await proveState(engine, second, held), /1 tables with 2 rows have the sums of before/);
  await lab.sql(second, "INSERT INTO notes.kept (body) VALUES ('three');");
  t.match(await proveState(engine, second, held), /and more; 1 tables with 3 rows were read/);
  await lab.sql(second, 'SET sql_log_bin = OFF; DELETE FROM notes.kept WHERE id = 1;');
  const later = { ...held, gtids: (await readState(engine, second)).gtids };
  await t.rejects(proveState(engine, second, later), { code: 'database.other-data' });
  await lab.sql(second, 'RESET BINARY LOGS AND GTIDS;');
  await t.rejects(proveState(engine, second, held), { message: /every transaction/ });
});
