// An upgrade whose migration has no way down is taken back by itself: it loses nothing that can be kept, and what it
// cannot keep in the application it tells to the row, and sets aside.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { installedAppliance } from '../e2e/installed-appliance.ts';
import { addedTo, flat, NotesData, PADDED } from '../e2e/notes-data.ts';
import { startUsers } from '../e2e/users.ts';

t.setTimeout(590_000);

const first = await demoBundle('1.0.0');
const appliance = await installedAppliance(t, first, '{ soak: 5s }');
const data = new NotesData(appliance);

t.before(async () => {
  await data.begin();
});

/** Volumes that hold or held the database. */
async function databaseVolumes(): Promise<string[]> {
  const labels = [`onstead.project=${appliance.project}`];
  const all = await appliance.engine.volumes.list({ labels });
  return all.map(({ name }) => name).filter((name) => name.includes('mysql'));
}

const story = async (): Promise<string> =>
  flat((await appliance.onstead(['operations', 'show', (await appliance.operation()).id])).stdout);

t.test('where `down` fails too, the data of before is put in place', async (t) => {
  const { path } = await demoBundle('migration-fails', (text) =>
    text.replace(/( +down: ).*\n/, `$1[sh, -c, 'echo no way down; exit 3']\n`),
  );
  const before = await data.titles();
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--yes']);
  t.equal(code, 5, stdout + stderr);
  t.equal((await appliance.operation()).state, 'rolled-back');
  t.match(await story(), /Taken back by the data of before, .* no way down/);
  t.equal(await data.version(), '1.0.0');
  await data.schemaIs(t, 1);
  t.strictSame(await data.sql("SHOW TABLES LIKE 'owners'"), [], 'nothing of half a migration is left');
  t.strictSame(await data.titles(), before);
  await data.readBack(t, 'file from before');
});

t.test(
  'where a migration without a way down fails nothing is lost: who writes waits until the data is back',
  async (t) => {
    const { path } = await demoBundle('1.2.0', (text) =>
      text.replace(/( +up: ).*\n/, `$1[sh, -c, 'node /app/src/main.ts migrate up && sleep 2 && exit 9']\n`),
    );
    const volumes = await databaseVolumes();
    const users = await startUsers(appliance, { users: 2, pauseMs: 100 });
    const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--irreversible', '--yes']);
    const seen = await users.stop();
    t.equal(code, 5, stdout + stderr);
    t.equal((await appliance.operation()).state, 'rolled-back');
    t.match((await appliance.operation()).error?.message, /migration failed/);
    t.strictSame(seen.failures, [], `the longest waited ${Math.round(seen.longestMs)} ms`);
    await data.schemaIs(t, 1);
    const there = new Set((await data.sql('SELECT id FROM notes')).map(Number));
    t.ok(seen.made.length > 10, `${seen.made.length} notes were made`);
    t.strictSame(
      seen.made.filter((id) => !there.has(id)),
      [],
      'every note whose making was answered is there',
    );
    t.equal(there.size, 3 + seen.made.length, 'and no other');
    t.ok((await data.titles()).includes(PADDED), 'what the migration changed is as before');
    t.match(await story(), /Nothing that people wrote is lost/);
    t.equal((await databaseVolumes()).length, volumes.length, 'and nothing is kept in vain');
  },
);

t.test('where the release turns out bad after it, what is lost is told to the row, and kept', async (t) => {
  // Answers what is written, and after a while not what is read: so every note is known to be made.
  const failing = `const { Server } = require("http"); const emit = Server.prototype.emit; let count = 0;
    Server.prototype.emit = function (type, request, response, ...rest) {
      const isRead = type === "request" && request.method === "GET" && request.url === "/api/notes";
      if (!isRead || ++count < 15) return emit.call(this, type, request, response, ...rest);
      response.writeHead(500).end();
      return true;
    };
    import("/app/src/main.ts")`.replace(/\s+/g, ' ');
  const { path } = await demoBundle('1.2.0', (text) =>
    text.replace('    environment:\n      MYSQL_HOST', `    command: [node, -e, '${failing}']\n$&`),
  );
  const before = await data.titles();
  const users = await startUsers(appliance, { users: 4, pauseMs: 50 });
  const over = new AbortController();
  const withFiles: string[] = [];
  const writing = (async () => {
    for (let at = 0; !over.signal.aborted; at += 1) {
      await data.writeWithFile(`file ${at}`);
      withFiles.push(`file ${at}`);
      await sleep(100);
    }
  })().catch((error: unknown) => error);
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--irreversible', '--yes']);
  over.abort();
  t.equal(await writing, undefined, 'each file was taken');
  const seen = await users.stop();
  t.equal(code, 5, stdout + stderr);
  t.match(await appliance.operation(), { state: 'rolled-back', error: { message: /new release/ } });
  t.equal(await data.version(), '1.0.0');
  await data.schemaIs(t, 1);
  t.strictSame(
    seen.failures.filter((line) => !line.endsWith('status 500')),
    [],
  );

  const now = await data.titles();
  t.strictSame(now.slice(0, before.length), before, 'everything from before is there, as it was');
  const filesNow = await data.files();
  t.equal(filesNow[0], 'file from before');
  const lostFiles = withFiles.filter((title) => !filesNow.includes(title));
  const lost = before.length + seen.made.length + withFiles.length - now.length;
  const told = await story();
  t.ok(lost > 0 && lostFiles.length > 0, `${lost} notes and ${lostFiles.length} files were lost`);
  t.equal(addedTo('notes', told), lost);
  t.equal(addedTo('attachments', told), lostFiles.length);
  t.match(told, new RegExp(`${lostFiles.length} objects written, 0 deleted`));
  t.notMatch(told, /migrations themselves/);

  const folder = join(appliance.paths.setAside, (await appliance.operation()).id);
  t.match(JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')), { files: [/minio\.tar$/] });
  const { stdout: list } = await appliance.run(['tar', '-tf', join(folder, 'minio.tar')]);
  t.equal(list.trim().split('\n').length, lostFiles.length);
  t.strictSame(await lostTitlesIn(/the volume (\S+)/.exec(told)![1]!, now), lost, 'they can be had again');
  for (const title of [filesNow[0]!, filesNow.at(-1)!]) await data.readBack(t, title);
});

/** How many notes there are in a volume that was kept and not in the application, by a MySQL of its own. */
async function lostTitlesIn(volume: string, now: readonly string[]): Promise<number> {
  const [{ image } = { image: '' }] = await appliance.engine.containers.list({
    project: appliance.project,
    service: 'mysql',
  });
  const name = `${appliance.project}-look`;
  const run = ['docker', 'run', '--detach', '--rm', '--network', 'none', '--user', '999:999', '--name', name];
  const server = ['mysqld', '--skip-grant-tables', '--skip-log-bin'];
  await appliance.run([...run, '--volume', `${volume}:/var/lib/mysql`, image, ...server]);
  try {
    for (;;) {
      const query = ['mysql', '-N', '-e', 'SELECT title FROM notes.notes'];
      const { code, stdout } = await appliance.run(['docker', 'exec', name, ...query]);
      if (code === 0) return missingIn(now, stdout.split('\n').slice(0, -1));
      if ((await appliance.engine.containers.inspect(name)) === undefined) throw new Error('it ended');
    }
  } finally {
    await appliance.run(['docker', 'stop', name]);
  }
}

/** How many of these are not there; the migration has trimmed what it found. */
function missingIn(there: readonly string[], wanted: readonly string[]): number {
  const left = new Map<string, number>();
  for (const title of there) left.set(title.trim(), (left.get(title.trim()) ?? 0) + 1);
  return wanted.filter((title) => {
    const count = left.get(title.trim()) ?? 0;
    left.set(title.trim(), count - 1);
    return count <= 0;
  }).length;
}

t.test('the same release when it is good: the upgrade is done, and clears away what was kept', async (t) => {
  const { path } = await demoBundle('1.2.0');
  const users = await startUsers(appliance, { users: 2, pauseMs: 100 });
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--irreversible', '--yes']);
  const seen = await users.stop();
  t.equal(code, 0, stdout + stderr);
  t.strictSame(seen.failures, [], `the longest waited ${Math.round(seen.longestMs)} ms`);
  t.equal(await data.version(), '1.2.0');
  t.equal((await databaseVolumes()).length, 1);
  t.strictSame(await readdir(appliance.paths.setAside).catch(() => []), []);
});
