// A customer upgrades, and MySQL, Redis and the object store become others while people use the application: their
// requests wait, none fails, and every row and every file is there afterwards.

import { request } from 'node:https';
import { text as readAll } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { installedAppliance } from '../e2e/installed-appliance.ts';
import { startUsers, type Seen } from '../e2e/users.ts';

t.setTimeout(880_000);

/** The same app in each of them; only the data services change. */
const releaseOf = (version: string, edit: (text: string) => string = (text) => text) =>
  demoBundle('1.1.0', (text) =>
    edit(text.replace('version: 1.1.0', `version: ${version}`).replace('mysql:9.7.4', 'mysql:8.4.9')),
  );
const OTHER_SETTINGS = (text: string): string =>
  text
    .replace(
      'MYSQL_DATABASE: notes\n      MYSQL_USER',
      'TZ: UTC\n      MYSQL_DATABASE: notes\n      MYSQL_USER',
    )
    .replace('x-onstead: { role: redis }', 'environment: { TZ: UTC }\n    x-onstead: { role: redis }')
    .replace('MINIO_ROOT_USER_FILE:', 'TZ: UTC\n      MINIO_ROOT_USER_FILE:');
const CANNOT_START = (text: string): string =>
  text.replace(
    'image: redis:8.0.6',
    "image: redis:8.0.6\n    entrypoint: ['sh', '-c', 'echo no such setting; exit 3']",
  );
const NEWER_SERIES = (text: string): string => text.replace('mysql:8.4.9', 'mysql:9.7.4');

const first = await releaseOf('1.1.0');
const appliance = await installedAppliance(t, first, '{ soak: 1s }');

const inMysql = async (statement: string): Promise<string> => {
  const client = ['mysql', '--defaults-extra-file=/run/secrets/admin.cnf', '--batch', '--skip-column-names'];
  return (
    await appliance.compose(['exec', '-T', 'mysql', ...client, '-e', statement, 'notes'])
  ).stdout.trim();
};
const idOf = async (service: string): Promise<string | undefined> =>
  (await appliance.engine.containers.list({ project: appliance.project, service }))[0]?.id;
const volumeOfMysql = async (): Promise<string | undefined> => {
  const facts = await appliance.engine.containers.inspect((await idOf('mysql'))!);
  return facts?.mounts.find(({ target }) => target === '/var/lib/mysql')?.name;
};
const told = async (): Promise<string> =>
  (await appliance.onstead(['operations', 'show', (await appliance.operation()).id])).stdout;

/** Through the edge, as a browser does it. */
function ask(method: string, path: string, body?: string): Promise<string> {
  const where = { host: '127.0.0.1', servername: 'localhost', port: appliance.httpsPort };
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...where, rejectUnauthorized: false, method, path }, (answer) => {
      readAll(answer).then(resolve, reject);
    });
    outgoing.on('error', reject);
    if (method === 'POST') outgoing.setHeader('content-type', 'application/json');
    outgoing.end(body);
  });
}

/** The path of a file that hangs on a note. */
async function keepFile(content: string): Promise<string> {
  const { id } = JSON.parse(await ask('POST', '/api/notes', JSON.stringify({ title: 'with a file' })));
  await ask('PUT', `/api/notes/${id}/attachments?name=a.txt`, content);
  const note = JSON.parse(await ask('GET', `/api/notes/${id}`));
  return `/api/notes/${id}/attachments/${note.attachments[0].id}`;
}

async function nobodyMissesAnything(
  test: Test,
  { failures, made, answered, longestMs }: Seen,
): Promise<void> {
  test.strictSame(failures, [], `the longest of ${answered} answers took ${Math.round(longestMs)} ms`);
  const there = new Set((await inMysql('SELECT id FROM notes')).split('\n').map(Number));
  test.strictSame(
    made.filter((id) => !there.has(id)),
    [],
    'every note whose making was answered is there',
  );
  const pending = await appliance.compose(['--progress', 'plain', 'up', '--detach', '--dry-run']);
  test.notMatch(pending.stderr, /Recreate|Creat/, 'the folder says what runs');
}

t.test('MySQL, Redis and the object store become others, and requests only wait', async (t) => {
  const content = 'to be kept '.repeat(2_000);
  const file = await keepFile(content);
  const before = await Promise.all(['mysql', 'redis', 'minio'].map(idOf));
  const { path } = await releaseOf('1.1.1', OTHER_SETTINGS);
  const plan = await appliance.onstead(['upgrade', path, '--steps']);
  for (const service of ['mysql', 'redis', 'minio']) {
    t.match(plan.stdout, new RegExp(`Replace ${service}: new settings; requests wait, about \\d+ s`));
  }
  const users = await startUsers(appliance);
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--yes']);
  const seen = await users.stop();
  t.equal(code, 0, stdout + stderr);
  const after = await Promise.all(['mysql', 'redis', 'minio'].map(idOf));
  t.notOk(
    before.some((id) => after.includes(id)),
    'each is another container',
  );
  await nobodyMissesAnything(t, seen);
  t.equal(await ask('GET', file), content, 'the file is what it was');
  const story = await told();
  t.match(story, /every transaction of before is there/);
  t.match(story, /keys \(\d+ before\)/);
  t.match(story, /a put, a get and a delete worked; \d+ objects? ha(s|ve) the sums of before/);
  t.match(waitedIn(story), [/[1-9]/, /[1-9]/, /[1-9]/], 'the edge held some for each of them');
  t.ok(seen.longestMs > 1_000, `the longest took ${Math.round(seen.longestMs)} ms`);
  t.comment(
    story
      .split('\n')
      .filter((line) => /waited/.test(line))
      .join('; '),
    Math.round(seen.longestMs),
  );
});

/** How many requests the edge says that it held, one number a service. */
const waitedIn = (story: string): number[] =>
  [...story.matchAll(/Requests waited for up to [\d.]+ s \(([\d,]+) of them\)/g)].map(([, count = '']) =>
    Number(count.replaceAll(',', '')),
  );

/** The titles of notes with this body, from a database that nobody runs on. */
async function titlesIn(volume: string, body: string): Promise<string[]> {
  const image = (await appliance.engine.containers.inspect((await idOf('mysql'))!))!.image;
  const name = `${appliance.project}-look`;
  const docker = (...words: string[]) => appliance.run(['docker', ...words]);
  const server = ['mysqld', '--skip-grant-tables', '--skip-log-bin'];
  const options = ['--detach', '--rm', '--network', 'none', '--user', '999:999', '--name', name];
  await docker('run', ...options, '--volume', `${volume}:/var/lib/mysql`, image, ...server);
  try {
    for (;;) {
      const question = `SELECT title FROM notes.notes WHERE body = '${body}'`;
      const { code, stdout } = await docker('exec', name, 'mysql', '-N', '-e', question);
      if (code === 0) return stdout.trim().split('\n').filter(Boolean);
      await sleep(200);
    }
  } finally {
    await docker('stop', name);
  }
}

/** Of the upgrade that was taken back; it goes with the next one that succeeds. */
let copyWithRows: string | undefined;

t.test(
  'a release whose Redis cannot start is taken back, with the newer MySQL that came before it',
  async (t) => {
    const { path } = await releaseOf('1.1.2', (text) => CANNOT_START(NEWER_SERIES(OTHER_SETTINGS(text))));
    const uuid = await inMysql('SELECT @@server_uuid');
    const body = 'x'.repeat(7);
    const users = await startUsers(appliance, { bodyLength: body.length });
    const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--yes', '--irreversible']);
    const { failures, made } = await users.stop();
    t.equal(code, 5, stdout + stderr);
    t.match(stdout + stderr, /redis does not start: it ended with code 3/);
    t.strictSame(failures, [], 'requests only waited');
    const story = await told();
    t.match(story, /no such setting/, 'what the server said last is kept');
    t.match(story, /redis is as it was: \d+ keys/);
    t.equal((await appliance.operation()).state, 'rolled-back');
    const status = (await appliance.onstead(['status', '--json'])).stdout;
    t.match(JSON.parse(status), { well: true, release: { version: '1.1.1' } }, status);
    copyWithRows = /since it was replaced is in the volume (\S+) alone/.exec(story)?.[1];
    const onCopy = await titlesIn(copyWithRows!, body);
    const here = (await inMysql(`SELECT title FROM notes WHERE body = '${body}'`)).split('\n');
    t.equal(new Set([...here, ...onCopy]).size, made.length, 'every note is in one of the two databases');
    t.ok(onCopy.some((title) => !here.includes(title)) && here.some((title) => !onCopy.includes(title)));
    t.not(
      await inMysql('SELECT @@server_uuid'),
      uuid,
      'what it writes now is not called as what the copy has',
    );
  },
);

/** Answers in the store's place, and always no. */
const REFUSES = (text: string): string =>
  text.replace(
    /image: pgsty\/silo:\S+/,
    'image: onstead-demo/notes:1.1.0\n    entrypoint: [node, -e, \'require("http").createServer((_, to) => to.writeHead(403).end()).listen(9000)\']',
  );
/** It runs, nobody listens, and it ends when it is told to. */
const NEVER_ANSWERS = (text: string): string =>
  text.replace(
    /image: pgsty\/silo:\S+/,
    '$&\n    entrypoint: [sh, -c, \'trap "exit 0" TERM; while :; do sleep 1; done\']',
  );

async function storeIsTakenBack(
  t: Test,
  version: string,
  edit: (text: string) => string,
  why: RegExp,
): Promise<Seen> {
  const content = `kept before ${version} `.repeat(1_000);
  const file = await keepFile(content);
  const { path } = await releaseOf(version, (text) => edit(OTHER_SETTINGS(text)));
  const users = await startUsers(appliance);
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--yes']);
  const seen = await users.stop();
  t.equal(code, 5, stdout + stderr);
  t.match(stdout + stderr, why);
  const status = (await appliance.onstead(['status', '--json'])).stdout;
  t.match(JSON.parse(status), { well: true, release: { version: '1.1.1' } }, status);
  t.equal(await ask('GET', file), content, 'the file of before is what it was');
  t.equal(await ask('GET', await keepFile(content)), content, 'and others are taken');
  return seen;
}

t.test('an object store that refuses the keys is taken back while requests wait', async (t) => {
  const seen = await storeIsTakenBack(
    t,
    '1.1.2',
    REFUSES,
    /minio does not start: it refuses this appliance's keys/,
  );
  await nobodyMissesAnything(t, seen);
  t.match(
    await told(),
    /minio is as it was: a put, a get and a delete worked; \d+ objects have the sums of before/,
  );
});

t.test('an object store that never answers is taken back, and nothing is lost', async (t) => {
  const why = /minio does not start: it runs, and did not answer within 60 s/;
  const seen = await storeIsTakenBack(t, '1.1.2', NEVER_ANSWERS, why);
  // They waited to the limit, where some of them give up, and then made notes without it.
  const failures = seen.failures.filter((line) => !line.endsWith('no answer within 60 s'));
  await nobodyMissesAnything(t, { ...seen, failures });
  t.match(await told(), /Requests waited for up to \d+\.\d s \([1-9]/);
});

t.test(
  'another series of MySQL works on a copy, and the old volume goes when that is recorded',
  async (t) => {
    const { path } = await releaseOf('1.1.3', (text) => NEWER_SERIES(OTHER_SETTINGS(text)));
    t.match(await appliance.onstead(['upgrade', path, '--yes']), { code: 3, stderr: /8\.4 to 9\.7/ });
    const [volume, uuid] = [await volumeOfMysql(), await inMysql('SELECT @@server_uuid')];
    const users = await startUsers(appliance);
    const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--yes', '--irreversible']);
    const seen = await users.stop();
    t.equal(code, 0, stdout + stderr);
    t.match(stdout, /Replace mysql: 8\.4 to 9\.7 on a copy of its data/);
    t.not(await volumeOfMysql(), volume);
    t.equal(await appliance.engine.volumes.inspect(volume!), undefined);
    t.equal(await appliance.engine.volumes.inspect(copyWithRows!), undefined, 'and what was left before');
    t.equal(await inMysql('SELECT @@server_uuid'), uuid, 'its transactions go on as one line');
    await nobodyMissesAnything(t, seen);
  },
);

t.test('the way back from it is the data of then, and says so', async (t) => {
  t.match(await appliance.onstead(['rollback']), { code: 3, stderr: /8\.4 cannot read the data of 9\.7/ });
  const { code, stdout, stderr } = await appliance.onstead(['rollback', '--restore-data', '--yes']);
  t.equal(code, 0, stdout + stderr);
  const status = await appliance.onstead(['status', '--json']);
  t.match(JSON.parse(status.stdout), { well: true, release: { version: '1.1.1' } });
});
