// A way back that fails half way, and one that is taken back itself: everything that people were told is written is there
// afterwards, or it is counted to the row and set aside.

import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { TestAppliance } from '../e2e/appliance.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { addedTo, flat, NotesData } from '../e2e/notes-data.ts';
import { startUsers } from '../e2e/users.ts';

t.setTimeout(1_180_000);

/** A note that a smoke check of 1.0.0 wants not to be there. */
const UNWANTED = 999_999;

const first = await demoBundle('1.0.0', (text) =>
  text.replace('  smoke:\n', `$&    - path: /api/notes/${UNWANTED}\n      status: 404\n`),
);
const appliance = await TestAppliance.make({ publicKey: first.publicKey });
t.teardown(() => appliance.remove());
await appliance.writeSettings('limits: { memory: 5G, disk: 40G }\nupgrade: { soak: 1s }\n');
const data = new NotesData(appliance);

const story = async (): Promise<string> =>
  flat((await appliance.onstead(['operations', 'show', (await appliance.operation()).id])).stdout);

interface Written {
  /** Notes whose making was answered, with a file or without. */
  readonly notes: number;
  /** Titles of those whose file was taken. */
  readonly files: readonly string[];
  readonly failures: readonly string[];
}

/** People write notes, and one of them files too, until the work is done. */
async function whileWriting(work: () => Promise<void>): Promise<Written> {
  const users = await startUsers(appliance, { users: 2, pauseMs: 150 });
  const over = new AbortController();
  const [files, failures]: [string[], string[]] = [[], []];
  let withFile = 0;
  const writing = (async () => {
    for (let at = 0; !over.signal.aborted; at += 1) {
      const title = `file ${Date.now()} ${at}`;
      await data
        .writeWithFile(title, () => (withFile += 1))
        .then(
          () => files.push(title),
          (error: unknown) => failures.push(String(error)),
        );
      await sleep(150);
    }
  })();
  try {
    await work();
  } finally {
    over.abort();
    await writing;
  }
  const seen = await users.stop();
  // Its note went aside before its file came.
  const others = failures.filter((line) => !/PUT .* is answered 404/.test(line));
  return { notes: seen.made.length + withFile, files, failures: [...seen.failures, ...others] };
}

/** What the point of the upgrade keeps beside the copy: without it the data of then cannot be put together. */
async function sinceFile(): Promise<string> {
  const { engine, project } = appliance;
  const { mountpoint } = (await engine.volumes.inspect(`${project}_points`))!;
  return join(mountpoint, upgrade, 'mysql/since.sql');
}

let upgrade = '';

t.before(async () => {
  await appliance.start();
  const install = await appliance.onstead(['install', first.path]);
  if (install.code !== 0) throw new Error(install.stderr);
  await data.begin();
  const { path } = await demoBundle('1.2.0');
  const written = await whileWriting(async () => {
    const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--irreversible', '--yes']);
    if (code !== 0) throw new Error(stdout + stderr);
  });
  if (written.failures.length > 0) throw new Error(written.failures.join('\n'));
  upgrade = (await appliance.operation()).id;
});

t.test('a restore that fails while requests wait: nobody notices, and nothing is lost', async (t) => {
  const since = await sinceFile();
  await rename(since, `${since}.away`);
  const before = await data.titles();
  const written = await whileWriting(async () => {
    const { code, stdout, stderr } = await appliance.onstead(['rollback', '--restore-data', '--yes']);
    t.equal(code, 5, stdout + stderr);
  });
  await rename(`${since}.away`, since);
  t.match(await appliance.operation(), {
    state: 'rolled-back',
    error: { message: /could not be put into it again/ },
  });
  t.match(await story(), /the data of before is put in place again/);
  t.equal(await data.version(), '1.2.0');
  await data.schemaIs(t, 3);
  t.strictSame(written.failures, []);
  t.equal((await data.titles()).length, before.length + written.notes, 'every note is there');
  const files = await data.files();
  t.ok(written.files.length > 0);
  t.strictSame(
    written.files.filter((title) => !files.includes(title)),
    [],
  );
  t.strictSame(await data.unreadable(), []);
});

t.test('a later step that fails after people wrote: what they wrote is counted, and set aside', async (t) => {
  const before = await data.titles();
  const filesBefore = await data.files();
  const isRestored = async (): Promise<boolean> =>
    (await appliance.operation()).steps.some(
      ({ type, state }) => type === 'restore-data' && state === 'done',
    );
  const written = await whileWriting(async () => {
    const rollback = appliance.onstead(['rollback', '--restore-data', '--yes']);
    const ended = rollback.then(() => true);
    while (!(await isRestored()) && !(await Promise.race([ended, sleep(20, false)])));
    await data.sql(`INSERT INTO notes (id, title, body) VALUES (${UNWANTED}, 'unwanted', '')`);
    const { code, stdout, stderr } = await rollback;
    t.equal(code, 5, stdout + stderr);
  });
  t.match(await appliance.operation(), { state: 'rolled-back', error: { message: /expected status 404/ } });
  t.equal(await data.version(), '1.2.0');
  await data.schemaIs(t, 3);
  t.strictSame(written.failures, []);
  const now = await data.titles();
  const told = /People wrote while the data of then was in place.*/.exec(await story())?.[0] ?? '';
  const aside = addedTo('notes', told);
  t.ok(aside > 1, `${aside} notes were set aside`);
  // The unwanted one is nobody's, and it is aside with the others.
  t.equal(now.length + aside, before.length + written.notes + 1, 'each note is there or counted');
  t.notOk(now.includes('unwanted'));
  t.strictSame(
    before.filter((title) => !now.includes(title)),
    [],
  );

  const files = await data.files();
  const lost = written.files.filter((title) => !files.includes(title));
  t.ok(lost.length > 0, `${lost.length} files were set aside`);
  t.equal(addedTo('attachments', told), lost.length);
  t.equal(files.length + lost.length, filesBefore.length + written.files.length);
  t.strictSame(await data.unreadable(), []);
  const [, volume = '', file = ''] = /is kept: the volume (\S+) and (\S+\.tar)\./.exec(told) ?? [];
  t.ok(await appliance.engine.volumes.inspect(volume), `the volume ${volume}`);
  const { stdout } = await appliance.run(['tar', '-tf', file]);
  t.equal(stdout.trim().split('\n').length, lost.length);
});

t.test(
  'the true number of what a rollback gave up is told at its end, and all of it can be had again',
  async (t) => {
    const before = await data.titles();
    const filesBefore = await data.files();
    let said = '';
    const written = await whileWriting(async () => {
      const { code, stdout, stderr } = await appliance.onstead(['rollback', '--restore-data', '--yes']);
      t.equal(code, 0, stdout + stderr);
      said = flat(stdout);
    });
    t.equal(await data.version(), '1.0.0');
    t.strictSame(written.failures, []);
    const then = await data.titles();
    const filesThen = await data.files();
    const gone = before.length + written.notes - then.length;
    const goneFiles = filesBefore.length + written.files.length - filesThen.length;
    const told = await story();
    t.equal(addedTo('notes', told), gone, `${gone} notes`);
    t.equal(addedTo('attachments', told), goneFiles, `${goneFiles} files`);
    const rollback = (await appliance.operation()).id;
    t.match(said, new RegExp(`Given up: .*rollback --to ${rollback} --restore-data`));
    t.match(told, /Given up: \d+ rows added/);
    const writtenThen = filesThen.filter((title) => written.files.includes(title));
    t.strictSame(await data.unreadable(), []);

    const { code, stdout, stderr } = await appliance.onstead([
      ...['rollback', '--to', rollback, '--restore-data', '--yes'],
    ]);
    t.equal(code, 0, stdout + stderr);
    t.equal(await data.version(), '1.2.0');
    await data.schemaIs(t, 3);
    const again = await data.titles();
    const goneThen = addedTo('notes', await story());
    t.equal(
      again.length,
      before.length + written.notes - goneThen,
      'to the last note before requests waited',
    );
    t.equal(again.length, then.length - goneThen + gone);
    const files = await data.files();
    t.strictSame(
      [...filesBefore, ...written.files].filter((title) => !files.includes(title)),
      writtenThen,
    );
    t.strictSame(await data.unreadable(), []);
  },
);
