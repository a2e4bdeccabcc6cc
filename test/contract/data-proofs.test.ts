// What a data service held is asked before it ends and after the next one starts, on the real ones: the same is
// believed, an empty one or one that misses a part is not.

import { chmod, chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import {
  copyVolume,
  dropIdleConnections,
  endLineOfTransactions,
  endWriting,
  keepVolumeFiles,
  makeVolume,
  proveRedis,
  proveState,
  putVolumeFilesBack,
  readRedis,
  readState,
  redisAnswer,
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

async function redisOn(folder: string, port = '6379'): Promise<string> {
  await mkdir(join(lab.folder, folder), { recursive: true });
  await chown(join(lab.folder, folder), 999, 999);
  const id = await lab.start(
    [
      ...['--read-only', '--tmpfs', '/tmp', '--network', 'none', '--user', '999:999'],
      ...['--volume', `${secrets}:/run/secrets:ro`, '--volume', `${join(lab.folder, folder)}:/data`],
    ],
    redisImage,
    ['redis-server', '--port', port, '--dir', '/data', '--appendonly', 'yes', '--requirepass', password],
  );
  const ping = ['redis-cli', '-p', port, 'PING'];
  await until('Redis', async () => {
    const { stdout } = await engine.containers.exec(id, { cmd: ping });
    return /NOAUTH|PONG/.test(stdout) ? true : undefined;
  });
  return id;
}

const tell = async (id: string, ...words: string[]): Promise<string> => {
  const program = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" exec redis-cli -h 127.0.0.1 "$@"';
  return (await engine.containers.exec(id, { cmd: ['sh', '-c', program, 'redis-cli', ...words] })).stdout;
};

t.test('a Redis that comes back with its files holds what it held', async (t) => {
  const first = await redisOn('kept');
  t.equal(await redisAnswer(engine, await redisOn('elsewhere', '6390')), 'nothing', 'it listens elsewhere');
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
  const empty = `${lab.project}_empty`;
  await makeVolume(engine, lab.volume(empty, 'empty'));
  const other = await lab.mysqlOn(empty);
  await t.rejects(
    proveState(engine, other, held),
    { message: /every transaction/ },
    'one that made its data anew',
  );
  for (const id of [second, other]) await engine.containers.remove(id);
});

t.test('what was read of a MySQL is kept while nothing is written, and read again after that', async (t) => {
  const id = await lab.mysqlOn(lab.dataVolume);
  await lab.sql(id, 'CREATE TABLE notes.more (id INT PRIMARY KEY);', 'INSERT INTO notes.more VALUES (1);');
  const early = await readState(engine, id);
  t.match(early, { isExact: true, gtids: /:/ });
  await lab.sql(id, 'SET sql_log_bin = OFF; INSERT INTO notes.more VALUES (2);');
  t.strictSame(await readState(engine, id, early), early, 'by the word of its transactions');
  await lab.sql(id, 'INSERT INTO notes.more VALUES (3);');
  const rowsOf = ({ sample }: typeof early): number | undefined =>
    sample.sums.find(({ table }) => table.includes('more'))?.rows;
  const again = await readState(engine, id, early);
  t.strictSame([rowsOf(early), rowsOf(again)], [1, 3]);
  t.equal(await endWriting(engine, id), again.gtids);
  await t.rejects(lab.sql(id, 'INSERT INTO notes.more VALUES (4);'), { code: 'database.refused' });
  await engine.containers.remove(id);
});

t.test('connections that ask nothing are dropped, and those that ask go on', async (t) => {
  const id = await lab.mysqlOn(lab.dataVolume);
  const client = 'mysql --defaults-extra-file=/run/secrets/admin.cnf --batch --skip-column-names';
  const shell = (program: string) => engine.containers.exec(id, { cmd: ['sh', '-c', program] });
  const asking = shell(`${client} -e "SELECT SLEEP(6), 'went on'"`);
  const idle = shell(`(sleep 4; echo "SELECT 'went on';") | ${client}`);
  const commands = async (): Promise<string[]> =>
    (await lab.sql(id, 'SHOW PROCESSLIST;')).split('\n').map((line) => line.split('\t')[4] ?? '');
  await until('both', async () => ((await commands()).includes('Sleep') ? true : undefined));
  await dropIdleConnections(engine, id);
  t.notOk((await commands()).includes('Sleep'));
  t.match(await asking, { code: 0, stdout: /went on/ });
  t.notOk((await idle).stdout.includes('went on'));
  await engine.containers.remove(id);
});

t.test('two servers that go on from one set of data never give one name to two transactions', async (t) => {
  const [kept, copy] = [`${lab.project}_line`, `${lab.project}_line.series`];
  await makeVolume(engine, lab.volume(kept, 'line'));
  const first = await lab.mysqlOn(kept);
  await lab.sql(first, 'CREATE DATABASE notes;', 'CREATE TABLE notes.kept (id INT PRIMARY KEY);');
  const { gtids } = await readState(engine, first);
  await engine.containers.stop(first);
  await engine.containers.remove(first);
  await copyVolume(engine, kept, lab.volume(copy, 'line'), new AbortController().signal);
  const writtenOn = async (volume: string): Promise<string> => {
    const id = await lab.mysqlOn(volume);
    await lab.sql(id, 'INSERT INTO notes.kept VALUES (1);', 'INSERT INTO notes.kept VALUES (2);');
    const said = await lab.sql(id, `SELECT GTID_SUBTRACT(@@global.gtid_executed, '${gtids}');`);
    await engine.containers.stop(id);
    await engine.containers.remove(id);
    return said.trim().replaceAll('\\n', '');
  };
  const onCopy = await writtenOn(copy);
  await endLineOfTransactions(engine, kept);
  const onKept = await writtenOn(kept);
  t.match([onCopy, onKept], [/^[0-9a-f-]{36}:\d/, /^[0-9a-f-]{36}:\d/]);
  const other = await lab.mysqlOn(kept);
  const both = await lab.sql(other, `SELECT GTID_SUBTRACT('${onCopy}', '${onKept}');`);
  t.equal(both.trim().replaceAll('\\n', ''), onCopy, 'no transaction of one is called as one of the other');
  await engine.containers.remove(other);
});
