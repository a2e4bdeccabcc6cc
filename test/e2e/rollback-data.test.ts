// A person goes back from a release whose migration has no way down: the data of then is put in place, what that loses is
// said before, and the way forth stays open.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { imagesOf, pointsWithCopies } from '../../src/stack/index.ts';
import { demoBundle } from './demo-bundle.ts';
import { installedAppliance } from './installed-appliance.ts';
import { addedTo, flat, NotesData, PADDED } from './notes-data.ts';
import { startUsers } from './users.ts';

t.setTimeout(590_000);

const first = await demoBundle('1.0.0');
const appliance = await installedAppliance(t, first, '{ soak: 2s }');
const data = new NotesData(appliance);

t.before(async () => {
  await data.begin();
});

t.test('a migration without a way down is agreed to in words, or nothing is begun', async (t) => {
  const { path } = await demoBundle('1.2.0');
  const plan = flat((await appliance.onstead(['upgrade', path])).stdout);
  t.match(plan, /cannot be taken back by itself. Requests wait while it runs/);
  t.match(await appliance.onstead(['upgrade', path, '--yes']), { code: 3, stderr: /--irreversible/ });
  t.equal(await data.version(), '1.0.0');
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--irreversible', '--yes']);
  t.equal(code, 0, stdout + stderr);
});

t.test('the data cannot be kept, and what restoring it loses is said', async (t) => {
  t.match(await appliance.onstead(['rollback']), { code: 3, stderr: /--restore-data/ });
  const before = await data.titles();
  const lossNow = addedTo('notes', (await appliance.onstead(['rollback', '--restore-data'])).stdout);
  await data.write('from after');
  const { code, stdout, stderr } = await appliance.onstead(['rollback', '--restore-data']);
  t.equal(code, 0, stderr);
  t.equal(addedTo('notes', stdout), lossNow + 1);
  t.match(
    flat(stdout),
    /notes\.notes: \d+ rows added, 0 changed, 0 deleted; this leaves the application, and is kept until/,
  );
  t.match(flat(stdout), /Data put in place as it was then, while requests wait/);
  t.match(flat(stdout), /app started anew on the data of then; about .*; requests wait, at most 2 min/);
  const { rollback } = JSON.parse((await appliance.onstead(['rollback', '--restore-data', '--json'])).stdout);
  const [database] = rollback.since.databases;
  t.match(
    database.tables.find(({ table }: { table: string }) => table === 'notes.notes'),
    { inserted: lossNow + 1, deleted: 0 },
    'a program reads numbers',
  );
  t.strictSame(await data.titles(), [...before, 'from after'], 'and nothing was changed');
});

t.test('a way back whose images somebody removed is refused, with their names', async (t) => {
  const { engine, paths } = appliance;
  const [point] = await readdir(paths.points);
  const text = await readFile(join(paths.points, point!, 'stack', 'compose.override.yaml'), 'utf8');
  const tag = /^ +image: (\S+\/notes:\S+)$/m.exec(text)![1]!;
  await engine.images.remove(tag);
  const refused = await appliance.onstead(['rollback', '--restore-data']);
  t.match(refused, { code: 3, stderr: /1 of the \d images of 1\.0\.0 are not in the engine any more/ });
  t.ok(flat(refused.stderr).includes(tag), refused.stderr);
  await appliance.run(['docker', 'tag', 'onstead-demo/notes:1.0.0', tag]);
  t.equal((await appliance.onstead(['rollback', '--restore-data'])).code, 0);
});

t.test('going back puts the data of then in place while requests wait', async (t) => {
  const users = await startUsers(appliance, { users: 2, pauseMs: 200 });
  const { code, stdout, stderr } = await appliance.onstead(['rollback', '--restore-data', '--yes']);
  const seen = await users.stop();
  t.equal(code, 0, stdout + stderr);
  t.equal(await data.version(), '1.0.0');
  t.strictSame(seen.failures, [], `the longest waited ${Math.round(seen.longestMs)} ms`);
  const now = await data.titles();
  t.equal(now[0], 'from before');
  t.ok(now.includes(PADDED));
  t.notOk(now.includes('from after'));
  await data.schemaIs(t, 1);
});

t.test('and forth again', async (t) => {
  const { path } = await demoBundle('1.2.0');
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--irreversible', '--yes']);
  t.equal(code, 0, stdout + stderr);
  t.equal(await data.version(), '1.2.0');
  t.equal((await appliance.onstead(['status'])).code, 0);
});

t.test(
  'of three ways back two are kept, with their copies and images, and nothing beside them',
  async (t) => {
    const { engine, project, paths } = appliance;
    const points = await readdir(paths.points);
    t.equal(points.length, 2);
    // What a rollback left is not copied: the volume that it left is what its point keeps.
    const [rollback = ''] = points.filter((id) => id.startsWith('rollback-'));
    t.strictSame(
      await pointsWithCopies(engine, project),
      points.filter((id) => id !== rollback),
    );
    const { databases } = JSON.parse(await readFile(join(paths.points, rollback, 'moment.json'), 'utf8')) as {
      databases: readonly { volume: string }[];
    };
    const labels = [`onstead.project=${project}`, 'onstead.volume=mysql-data'];
    const volumes = (await engine.volumes.list({ labels })).map(({ name }) => name);
    t.equal(volumes.length, 2, 'that of now, and that one');
    t.ok(volumes.includes(databases[0]!.volume));
    const folders = [paths.stack, ...points.map((id) => join(paths.points, id, 'stack'))];
    const files = folders.map((folder) => readFile(join(folder, 'compose.override.yaml'), 'utf8'));
    const named = (await Promise.all(files)).flatMap((text) =>
      [...text.matchAll(/^ +image: (\S+)$/gm)].map(([, tag]) => tag!),
    );
    const listed = await engine.images.list({ reference: imagesOf(project) });
    const images = listed.flatMap(({ repoTags }) => repoTags);
    t.strictSame(images.toSorted(), [...new Set(named)].toSorted());
  },
);

t.test('with a database that somebody stopped the loss is unknown, which needs a word', async (t) => {
  const stateOfMysql = async (): Promise<string | undefined> => {
    const found = await appliance.engine.containers.list({ project: appliance.project, service: 'mysql' });
    return found.find(({ oneOff }) => !oneOff)?.status;
  };
  t.equal((await appliance.compose(['stop', 'mysql'])).code, 0);
  const plan = await appliance.onstead(['rollback', '--restore-data']);
  t.equal(plan.code, 0, plan.stderr);
  t.match(flat(plan.stdout), /What was written to mysql since then cannot be counted/);
  const refused = await appliance.onstead(['rollback', '--restore-data', '--yes']);
  t.match(refused, { code: 3, stderr: /--uncounted/ });
  t.equal(await stateOfMysql(), 'exited', 'looking starts nothing');
  const { code, stdout, stderr } = await appliance.onstead([
    'rollback',
    '--restore-data',
    '--uncounted',
    '--yes',
  ]);
  t.equal(code, 0, stdout + stderr);
  t.equal(await data.version(), '1.0.0');
  t.ok((await data.titles()).includes(PADDED));
  await data.schemaIs(t, 1);
});
