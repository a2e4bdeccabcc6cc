// The database's half of a restore point on a real MySQL: copied while it works, restored into a new volume, its
// losses counted to the row, and whole after a kill in the middle.

import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/base/clock.ts';
import { run } from '../../src/base/process.ts';
import {
  applySinceCopy,
  copyDatabase,
  countRowChanges,
  endClones,
  executedIn,
  keepSinceCopy,
  measureDatabaseCopy,
  pointsVolumePin,
  pointsWithCopies,
  refuseOtherData,
  readCopy,
  removeCopy,
  removePointCopies,
  restoreDatabase,
  restoredFrom,
  restoredVolumeOf,
  sampleDatabase,
  volumesOfKey,
} from '../../src/stack/index.ts';
import { until } from './engine-lab.ts';
import { openMysqlLab } from './restore-lab.ts';

const lab = await openMysqlLab();
t.teardown(() => lab.close());
const { engine, project } = lab;
let container = await lab.mysqlOn(lab.dataVolume);
const sql = (...statements: string[]): Promise<string> => lab.sql(container, ...statements);
const taskOf = (point: string) => ({
  engine,
  project,
  point,
  container,
  service: 'mysql',
  clock: systemClock,
});
const points = (await engine.volumes.inspect(pointsVolumePin(project).name))!.mountpoint;

await sql(
  'CREATE DATABASE notes;',
  'CREATE TABLE notes.kept (id INT PRIMARY KEY AUTO_INCREMENT, body VARCHAR(400)) CHARSET utf8mb4;',
  "INSERT INTO notes.kept (body) VALUES ('one'), ('two'), ('three');",
);

/** The data volume is put aside and another one taken, as a restore does. */
async function startOn(volume: string): Promise<void> {
  await engine.containers.stop(container);
  await engine.containers.remove(container);
  container = await lab.mysqlOn(volume);
}

t.test('a copy is made while rows are written, and holds exactly the transactions it names', async (t) => {
  const writing = Array.from({ length: 40 }, (_, at) =>
    sql(`INSERT INTO notes.kept (body) VALUES ('during ${at}');`),
  );
  const copy = await copyDatabase(taskOf('p1'));
  await Promise.all(writing);
  t.match(copy, { point: 'p1', service: 'mysql', serverVersion: /^9\./, gtids: /^[0-9a-f-]{36}:1-\d+$/ });
  t.ok(copy.bytes > 50_000_000);
  t.strictSame(await readCopy(engine, taskOf('p1')), copy);
  t.strictSame(await copyDatabase(taskOf('p1')), copy, 'a second call finds it');
  t.notOk(existsSync(join(points, 'p1/mysql/proof')));
  const late = (await sql(`SELECT GTID_SUBTRACT(@@global.gtid_executed, '${copy.gtids}');`)).trim();
  const { tables, transactions } = await countRowChanges(engine, container, copy);
  t.equal(transactions, sizeOfSet(late));
  t.equal(tables[0]?.inserted ?? 0, sizeOfSet(late), 'each of them wrote one row');
});

/** How many transactions a set of one server names. */
function sizeOfSet(gtids: string): number {
  const ranges = gtids === '' ? [] : gtids.split(':').slice(1);
  return ranges.reduce((sum, range) => {
    const [first, last = first] = range.split('-').map(Number);
    return sum + last! - first! + 1;
  }, 0);
}

t.test('what was written since is counted to the row, by table', async (t) => {
  await copyDatabase(taskOf('p2'));
  const copy = (await readCopy(engine, taskOf('p2')))!;
  t.match(await countRowChanges(engine, container, copy), {
    transactions: 0,
    schemaChanges: 0,
    tables: [],
    isComplete: true,
  });
  await sql(
    "INSERT INTO notes.kept (body) VALUES ('four'), ('five\\n### INSERT INTO `no`.`table`\\n=== 3');",
    "UPDATE notes.kept SET body = 'ONE' WHERE body IN ('one', 'two');",
    "DELETE FROM notes.kept WHERE body = 'three';",
    'FLUSH BINARY LOGS;',
    'CREATE TABLE notes.`späte ``Notiz` (id INT PRIMARY KEY);',
    'INSERT INTO notes.`späte ``Notiz` VALUES (1), (2), (3);',
    'BEGIN;',
    "INSERT INTO notes.kept (body) VALUES ('taken back');",
    'ROLLBACK;',
    'DELIMITER //',
    'CREATE PROCEDURE notes.idle()\nBEGIN\nDO 1;\nEND//',
    'DELIMITER ;',
    'TRUNCATE TABLE notes.`späte ``Notiz`;',
  );
  t.strictSame(await countRowChanges(engine, container, copy), {
    transactions: 7,
    schemaChanges: 3,
    tables: [
      { table: 'notes.kept', inserted: 2, updated: 2, deleted: 1 },
      { table: 'notes.späte `Notiz', inserted: 3, updated: 0, deleted: 0 },
    ],
    isComplete: true,
  });
});

t.test('a sample of the tables tells that the data is the same, and that it is not', async (t) => {
  const before = await sampleDatabase(engine, container);
  t.match(before, { tables: 2, sums: [{ table: /kept|Notiz/, checksum: /^\d+$/ }, {}] });
  refuseOtherData(before, await sampleDatabase(engine, container, before));
  await sql("UPDATE notes.kept SET body = CONCAT(body, '!') WHERE id = 1;");
  const changed = await sampleDatabase(engine, container, before);
  t.throws(() => refuseOtherData(before, changed), {
    code: 'database.other-data',
    message: /`notes`\.`kept`/,
  });
  await sql(
    "UPDATE notes.kept SET body = 'ONE' WHERE id = 1;",
    'CREATE TABLE notes.third (id INT PRIMARY KEY);',
  );
  const more = await sampleDatabase(engine, container, before);
  t.throws(() => refuseOtherData(before, more), { message: /: 2 tables before, 3 now/ });
  await sql('DROP TABLE notes.third;');
  refuseOtherData(before, await sampleDatabase(engine, container, before));
});

t.test('binlogs that are gone make it a count of "at least"', async (t) => {
  const copy = (await readCopy(engine, taskOf('p2')))!;
  await sql('FLUSH BINARY LOGS;', "INSERT INTO notes.kept (body) VALUES ('six');");
  const newest = (await sql('SHOW BINARY LOG STATUS;')).split('\t')[0]!;
  await sql(`PURGE BINARY LOGS TO '${newest}';`);
  t.match(await countRowChanges(engine, container, copy), {
    isComplete: false,
    tables: [{ table: 'notes.kept', inserted: 1, updated: 0, deleted: 0 }],
  });
});

t.test('a restore brings back the rows of the copy, and can be undone and done again', async (t) => {
  const bodies = async (): Promise<string[]> =>
    (await sql('SELECT body FROM notes.kept ORDER BY id;')).trim().split('\n');
  const before = await bodies();
  t.ok(before.includes('six'));
  for (const operation of ['restore-1', 'restore-2']) {
    const volume = lab.volume(restoredVolumeOf(project, 'data', operation));
    await restoreDatabase({ ...taskOf('p2'), volume });
    await startOn(volume.name);
    const after = await bodies();
    t.strictSame(after.slice(0, 3), ['one', 'two', 'three'], operation);
    t.notOk(after.includes('four') || after.includes('six'));
    const [gtids, uuid] = (await sql('SELECT @@global.gtid_executed, @@server_uuid;')).trim().split('\t');
    const copy = (await readCopy(engine, taskOf('p2')))!;
    t.equal(gtids, copy.gtids, 'exactly the transactions of the copy');
    t.not(uuid, copy.serverUuid, 'and from now on another line of them');
    await sql("INSERT INTO notes.kept (body) VALUES ('after the restore');");
    t.match(await countRowChanges(engine, container, copy), {
      transactions: 1,
      tables: [{ table: 'notes.kept', inserted: 1 }],
      isComplete: true,
    });
    await restoreDatabase({ ...taskOf('p2'), volume });
    t.ok((await bodies()).includes('after the restore'), 'a restored volume is not restored over');
    t.equal(await restoredFrom(engine, volume.name), 'p2');
  }
  await startOn(lab.dataVolume);
  t.strictSame(await bodies(), before, 'the old volume has everything still');
  t.strictSame(
    (await volumesOfKey(engine, project, 'data')).toSorted(),
    [lab.dataVolume, ...['restore-1', 'restore-2'].map((one) => `${project}_data.${one}`)].toSorted(),
  );
});

t.test(
  'a copy becomes a later moment with what was written up to it, and nothing of what came after',
  async (t) => {
    await copyDatabase(taskOf('p5'));
    const signal = new AbortController().signal;
    const task = () => ({ ...taskOf('p5'), signal });
    const held = async (): Promise<string> => (await readCopy(engine, taskOf('p5')))!.gtids;
    t.equal(await keepSinceCopy(task()), await held(), 'nothing was written yet');
    await sql(
      "INSERT INTO notes.kept (body) VALUES ('between'), ('äöü \\n; DELIMITER //');",
      'CREATE TABLE notes.between_too (id INT PRIMARY KEY);',
    );
    const gtids = await keepSinceCopy(task());
    const before = await executedIn(engine, container);
    t.equal(gtids, before);
    await sql("INSERT INTO notes.kept (body) VALUES ('after');");
    t.match(await executedIn(engine, container, before), /^[0-9a-f-]{36}:\d+$/, 'one transaction more');
    const known = { ...(await readCopy(engine, taskOf('p5')))!, gtids };
    t.match(await countRowChanges(engine, container, known), { tables: [{ inserted: 1 }], schemaChanges: 0 });

    const volume = lab.volume(restoredVolumeOf(project, 'data', 'restore-5'));
    await restoreDatabase({ ...taskOf('p5'), volume });
    await startOn(volume.name);
    for (const time of ['once', 'and once more']) {
      await applySinceCopy(task(), gtids);
      const bodies = (await sql('SELECT body FROM notes.kept ORDER BY id DESC LIMIT 2;')).trim().split('\n');
      t.strictSame(bodies.toReversed(), ['between', 'äöü \\n; DELIMITER //'], time);
    }
    t.equal(await executedIn(engine, container), gtids, 'exactly the transactions of the moment');
    await t.rejects(applySinceCopy(task(), `${gtids},00000000-0000-4000-8000-000000000000:1`), {
      code: 'points.not-applied',
    });
    await sql('SELECT * FROM notes.between_too;');
    await startOn(lab.dataVolume);
  },
);

t.test('a volume whose restore was cut off is made anew', async (t) => {
  const volume = lab.volume(restoredVolumeOf(project, 'data', 'restore-3'));
  await restoreDatabase({ ...taskOf('p2'), volume });
  const { mountpoint } = (await engine.volumes.inspect(volume.name))!;
  await rm(join(mountpoint, '.onstead-restored.json'));
  await rm(join(mountpoint, 'mysql.ibd'));
  await writeFile(join(mountpoint, 'half'), 'of a file');
  t.equal(await restoredFrom(engine, volume.name), undefined);
  await restoreDatabase({ ...taskOf('p2'), volume });
  t.ok(existsSync(join(mountpoint, 'mysql.ibd')));
  t.notOk(existsSync(join(mountpoint, 'half')));
});

t.test('a point without a copy is not restored from', async (t) => {
  const volume = lab.volume(restoredVolumeOf(project, 'data', 'restore-4'));
  await t.rejects(restoreDatabase({ ...taskOf('never'), volume }), { code: 'points.no-copy' });
  t.equal(await engine.volumes.inspect(volume.name), undefined, 'and no volume is made');
});

t.test('tables that a copy would leave empty are refused by name before anything begins', async (t) => {
  await sql(
    'CREATE TABLE notes.`old style` (id INT) ENGINE=MyISAM;',
    'CREATE TABLE notes.archived (id INT) ENGINE=ARCHIVE;',
    'CREATE TABLE notes.scratch (id INT) ENGINE=MEMORY;',
    'INSERT INTO notes.scratch VALUES (1);',
  );
  await copyDatabase(taskOf('empty-ones'));
  await sql('INSERT INTO notes.`old style` VALUES (1);', 'INSERT INTO notes.archived VALUES (1);');
  await t.rejects(copyDatabase(taskOf('refused')), {
    code: 'database.other-engine',
    message: /notes\.archived \(ARCHIVE\), notes\.old style \(MyISAM\)\.$/,
    next: /ENGINE=InnoDB/,
  });
  t.notOk(existsSync(join(points, 'refused')));
  await sql(
    'TRUNCATE notes.`old style`;',
    'DROP TABLE notes.archived;',
    'CREATE TABLE notes.`t``k` (id INT) ENGINE=MyISAM;',
  );
  await t.rejects(copyDatabase(taskOf('refused')), { message: /: notes\.t`k \(MyISAM\)\.$/ });
  await sql('DROP TABLE notes.`old style`, notes.`t``k`, notes.scratch;');
});

t.test('how much room a copy takes is known before', async (t) => {
  const { neededBytes, freeBytes } = await measureDatabaseCopy(taskOf('p3'));
  const copy = await copyDatabase(taskOf('p3'));
  t.ok(neededBytes >= copy.bytes, `${neededBytes} for ${copy.bytes}`);
  t.ok(freeBytes > 0);
});

t.test('a clone whose client was killed is ended, and nothing of it stays', async (t) => {
  await fill(200);
  const name = { engine, project, point: 'killed', service: 'mysql' };
  // So that it is still at it when its client is killed.
  await sql('SET GLOBAL clone_autotune_concurrency = OFF;', 'SET GLOBAL clone_max_data_bandwidth = 20;');
  const stop = new AbortController();
  const cut = copyDatabase({ ...taskOf('killed'), signal: stop.signal });
  const data = join(points, 'killed/mysql/data');
  await until('the clone to write', async () => existsSync(data) || undefined);
  stop.abort(new Error('killed'));
  await t.rejects(cut, { message: 'killed' });
  t.match(await sql('SHOW PROCESSLIST;'), /CLONE LOCAL/, 'the server goes on with it');
  t.equal(await readCopy(engine, name), undefined, 'it is no copy');
  await sql('SET GLOBAL clone_max_data_bandwidth = 0;');
  const copy = await copyDatabase(taskOf('killed'));
  t.ok(copy.bytes > 200_000_000, 'made anew and whole');
  await removeCopy(engine, name);
  t.notOk(existsSync(join(points, 'killed')));
});

async function fill(megabytes: number): Promise<void> {
  await sql(
    'CREATE TABLE notes.bulk (id INT PRIMARY KEY AUTO_INCREMENT, body MEDIUMBLOB);',
    'INSERT INTO notes.bulk (body) VALUES (RANDOM_BYTES(1024));',
    `INSERT INTO notes.bulk (body) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${Math.min(megabytes, 900)})
     SELECT REPEAT(RANDOM_BYTES(1024), 1024) FROM n;`,
  );
}

t.test('a kill while the copy is proven leaves a container that the next try removes', async (t) => {
  const stop = new AbortController();
  const cut = copyDatabase({ ...taskOf('proof'), signal: stop.signal });
  const prover = `${project}-mysql-proof-copy`;
  await until('the server on the copy', () => engine.containers.inspect(prover));
  stop.abort(new Error('killed'));
  await t.rejects(cut, { message: 'killed' });
  t.equal(await readCopy(engine, taskOf('proof')), undefined);
  // What a kill -9 leaves: the container, still at it.
  await run('docker', [
    'run',
    '-d',
    '--name',
    prover,
    '--label',
    `dev.onstead.run=${prover}`,
    '--entrypoint',
    'sleep',
    (await engine.containers.inspect(container))!.imageId,
    '600',
  ]);
  t.ok(await copyDatabase(taskOf('proof')));
  t.equal(await engine.containers.inspect(prover), undefined);
});

t.test('a damaged copy is not called good', async (t) => {
  await copyDatabase(taskOf('damaged'));
  t.ok(await readCopy(engine, taskOf('damaged')));
  await rm(join(points, 'damaged/mysql/copy.json'));
  t.equal(await readCopy(engine, taskOf('damaged')), undefined);
});

t.test('points are found and removed with everything of theirs', async (t) => {
  await endClones(taskOf('any'));
  for (const point of await pointsWithCopies(engine, project)) {
    await removePointCopies(engine, project, point);
    await removePointCopies(engine, project, point);
  }
  t.strictSame(await readdir(points), []);
  t.strictSame(await pointsWithCopies(engine, 'no-such-project'), []);
});
