// The sample app on a real engine with real services: what a visitor, a proxy and an operator see of it.

import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import t from 'tap';
import { demoImages, docker, SampleStack, until } from './sample-app-stack.ts';

t.setTimeout(180_000);

const stack = new SampleStack(await demoImages());
t.teardown(() => stack.remove());

await stack.compose(['up', '-d', '--wait', 'mysql', 'redis', 'minio']);
await stack.app(['create-bucket']);
await stack.compose(['up', '-d', '--no-deps', 'app']);
const app = await stack.url('app', 3000);

const ask = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${app}${path}`, init);
const json = async <T>(path: string, init?: RequestInit): Promise<T> => (await ask(path, init)).json() as T;

interface Health {
  readonly status: string;
  readonly checks: Record<string, { status: string; ms: number }>;
}

interface Note {
  readonly id: number;
  readonly title: string;
  readonly label?: string | null;
  readonly attachments: readonly { id: string; name: string; sizeBytes: number; sha256: string }[];
}

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

async function waitReady(url = app): Promise<void> {
  await until('the app to be ready', 20_000, async () => {
    return (await fetch(`${url}/api/ready`)).status === 200 ? true : undefined;
  });
}

t.test('before the migration the app is well but not ready, and says why', async (t) => {
  await until('an answer', 10_000, () => ask('/api/health'));
  const ready = await ask('/api/ready');
  t.equal(ready.status, 503);
  t.match(await ready.json(), { ready: false, phase: 'migrating', schema: 1 });
  t.match(await json<Health>('/api/health'), { status: 'healthy' });
  t.match(await stack.migrate(['status']), {
    version: 0,
    complete: false,
    reversible: true,
    pending: [{ version: 1, name: 'notes' }],
  });
});

t.test('two migrations at once: one waits for the other and finds nothing left to do', async (t) => {
  const results = await Promise.all([stack.app(['migrate', 'up']), stack.app(['migrate', 'up'])]);
  t.equal(results.filter(({ stderr }) => /^up 1 notes$/m.test(stderr)).length, 1);
  await waitReady();
});

t.test('a migration that cannot get the lock changes nothing and says who holds it up', async (t) => {
  const holder = stack.sql("SELECT GET_LOCK('notes.migrate', 0); DO SLEEP(4);");
  await until('the lock to be held', 5_000, async () => {
    return (await stack.sql("SELECT IS_FREE_LOCK('notes.migrate')")) === '0' ? true : undefined;
  });
  const blocked = stack.app(['migrate', 'up'], { env: { MIGRATE_WAIT_SECONDS: '1' } });
  await t.rejects(blocked, { message: /Another migration is running/ });
  await holder;
});

t.test('a note with an attachment is in MySQL and in the object store, byte for byte', async (t) => {
  const note = await json<Note>('/api/notes', {
    method: 'POST',
    body: JSON.stringify({ title: 'Für <alle>', body: 'text' }),
  });
  const file = randomBytes(3_000_000);
  const put = await ask(`/api/notes/${note.id}/attachments?name=${encodeURIComponent('ä b.bin')}`, {
    method: 'PUT',
    body: file,
  });
  t.equal(put.status, 201);
  t.equal(put.headers.get('x-checksum-sha256'), sha256(file));

  const stored = await json<Note>(`/api/notes/${note.id}`);
  const [attachment] = stored.attachments;
  t.match(attachment, { name: 'ä b.bin', sizeBytes: file.length, sha256: sha256(file) });
  const back = await ask(`/api/notes/${note.id}/attachments/${attachment!.id}`);
  t.equal(back.headers.get('x-checksum-sha256'), sha256(file));
  t.equal(sha256(new Uint8Array(await back.arrayBuffer())), sha256(file));

  const row = await stack.sql(
    `SELECT title, sha256, object_key FROM notes JOIN attachments ON note_id = notes.id`,
  );
  const [title, hash, key] = row.split('\t');
  t.same([title, hash], ['Für <alle>', sha256(file)]);
  const object = await s3(await stack.url('minio', 9000)).send(
    new GetObjectCommand({ Bucket: 'notes', Key: key }),
  );
  t.equal(sha256(await object.Body!.transformToByteArray()), sha256(file));

  const page = await (await ask('/')).text();
  t.match(page, /Für &#60;alle&#62;/, 'the title is shown, and is no markup');
});

function s3(endpoint: string): S3Client {
  const credentials = {
    accessKeyId: stack.secret('s3_access_key'),
    secretAccessKey: stack.secret('s3_secret_key'),
  };
  return new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
}

t.test('the list comes from Redis the second time, and a new note is seen at once', async (t) => {
  await ask('/api/notes');
  t.equal((await ask('/api/notes')).headers.get('x-cache'), 'hit');
  await ask('/api/notes', { method: 'POST', body: '{"title":"second"}' });
  const list = await ask('/api/notes');
  t.equal(list.headers.get('x-cache'), 'miss');
  t.match(await list.json(), [{ title: 'second' }]);
});

t.test('a visitor keeps the session, also on the next request', async (t) => {
  const first = await ask('/api/notes', { method: 'POST', body: '{"title":"mine"}' });
  const cookie = first.headers.get('set-cookie')!.split(';')[0]!;
  t.match(await json('/api/session', { headers: { cookie } }), { added: 1 });
  t.match(await json('/api/session'), { added: 0 }, 'another visitor has another one');
});

t.test('a deleted note takes its rows and its objects with it', async (t) => {
  const note = await json<Note>('/api/notes', { method: 'POST', body: '{"title":"gone soon"}' });
  await ask(`/api/notes/${note.id}/attachments?name=a`, { method: 'PUT', body: 'abc' });
  const key = await stack.sql(`SELECT object_key FROM attachments WHERE note_id = ${note.id}`);
  t.equal((await ask(`/api/notes/${note.id}`, { method: 'DELETE' })).status, 204);
  t.equal((await ask(`/api/notes/${note.id}`)).status, 404);
  t.equal(await stack.sql(`SELECT COUNT(*) FROM attachments WHERE note_id = ${note.id}`), '0');
  const object = s3(await stack.url('minio', 9000)).send(new GetObjectCommand({ Bucket: 'notes', Key: key }));
  await t.rejects(object, { name: 'NoSuchKey' });
});

t.test('bad input is refused with a sentence, and nothing breaks', async (t) => {
  const post = (body: string): Promise<Response> => ask('/api/notes', { method: 'POST', body });
  t.equal((await post('not json')).status, 400);
  t.equal((await post('{"title":""}')).status, 400);
  t.equal((await post(`{"title":"${'x'.repeat(201)}"}`)).status, 400);
  t.equal((await post(`{"title":"${'x'.repeat(2_000_000)}"}`)).status, 413);
  t.equal((await ask("/api/notes/1'--")).status, 404);
  t.equal((await ask('/no/such/page')).status, 404);
  t.match(await (await post('[')).json(), { error: /JSON/ });
});

t.test(
  'metrics count requests and time the three dependencies; the log has no query and no secret',
  async (t) => {
    await ask('/api/notes?q=hidden-word', { headers: { 'x-request-id': 'id-for-this-test' } });
    const text = await (await ask('/metrics')).text();
    t.match(text, /^http_requests_total\{method="GET",route="\/api\/notes",status="200"\} [1-9]/m);
    t.match(text, /^http_request_duration_seconds_bucket\{.*le="\+Inf"\} /m);
    for (const name of ['database', 'redis', 'storage']) {
      t.match(text, new RegExp(`^dependency_duration_seconds_count\\{dependency="${name}"\\} [1-9]`, 'm'));
    }
    const { stdout: log } = await stack.compose(['logs', '--no-log-prefix', 'app']);
    const line = log.split('\n').find((entry) => entry.includes('id-for-this-test'))!;
    t.match(JSON.parse(line), { method: 'GET', path: '/api/notes', status: 200, ms: Number });
    t.notMatch(log, /hidden-word/);
    for (const name of ['mysql_password', 'redis_password', 's3_access_key', 's3_secret_key']) {
      t.notOk(log.includes(stack.secret(name)), `${name} is not in the log`);
    }
  },
);

t.test('with Redis or the object store away the app is degraded and goes on', async (t) => {
  await stack.compose(['stop', '-t', '2', 'redis']);
  await stack.compose(['pause', 'minio']);
  const startedMs = performance.now();
  const answer = await ask('/api/health');
  t.equal(answer.status, 200);
  t.match(await answer.json(), {
    status: 'degraded',
    checks: { database: { status: 'up' }, redis: { status: 'down' }, storage: { status: 'down' } },
  });
  t.ok(performance.now() - startedMs < 5_000, 'within five seconds');
  t.equal((await ask('/api/notes')).status, 200, 'the list comes from the database');
  await stack.compose(['unpause', 'minio']);
  await stack.compose(['start', 'redis']);
  await until('health', 15_000, async () => {
    return (await json<Health>('/api/health')).status === 'healthy' ? true : undefined;
  });
});

t.test(
  'with the database away the app is unhealthy, not ready, alive, and well again afterwards',
  async (t) => {
    await stack.compose(['pause', 'mysql']);
    const startedMs = performance.now();
    const [health, ready] = await Promise.all([ask('/api/health'), ask('/api/ready')]);
    const tookMs = performance.now() - startedMs;
    t.equal(health.status, 503);
    t.match(await health.json(), { status: 'unhealthy', checks: { database: { status: 'down' } } });
    t.equal(ready.status, 503);
    t.ok(tookMs < 5_000, `answered after ${tookMs} ms`);
    await stack.compose(['unpause', 'mysql']);
    await stack.compose(['restart', '-t', '20', 'mysql']);
    await until('health', 30_000, async () => {
      return (await json<Health>('/api/health')).status === 'healthy' ? true : undefined;
    });
    const { stdout } = await stack.compose(['ps', '-q', 'app']);
    const state = await docker(['inspect', '-f', '{{.RestartCount}}', stdout.trim()]);
    t.equal(state.stdout.trim(), '0', 'it never ended');
  },
);

t.test('told to end, it finishes what runs, turns no request away at first, and exits with 0', async (t) => {
  const other = await stack.startRelease('1.0.0', { LAME_DUCK_SECONDS: '1' });
  await waitReady(other.url);
  const slow = fetch(`${other.url}/api/slow?seconds=4&bytes=50000`);
  await sleep(500);
  await docker(['kill', '-s', 'TERM', other.name]);
  await sleep(200);
  t.equal((await fetch(`${other.url}/api/ready`)).status, 503, 'no longer ready');
  const late = await fetch(`${other.url}/api/notes`);
  t.equal(late.status, 200, 'still serving');
  t.equal(late.headers.get('connection'), 'close');
  t.equal((await (await slow).arrayBuffer()).byteLength, 50_000, 'the slow answer is whole');
  const { stdout } = await docker(['wait', other.name]);
  t.equal(stdout.trim(), '0');
});

t.test('what does not end within the limit is cut off, and the app still ends', async (t) => {
  const other = await stack.startRelease('1.0.0', { LAME_DUCK_SECONDS: '0', DRAIN_SECONDS: '2' });
  await waitReady(other.url);
  const slow = fetch(`${other.url}/api/slow?seconds=60`).then((answer) => answer.arrayBuffer());
  slow.catch(() => {});
  await sleep(300);
  const startedMs = performance.now();
  await docker(['kill', '-s', 'TERM', other.name]);
  await docker(['wait', other.name]);
  const tookMs = performance.now() - startedMs;
  t.ok(tookMs > 1_500 && tookMs < 6_000, `ended after ${tookMs} ms`);
  await t.rejects(slow);
});

t.test('an app that is not told enough names everything that is missing', async (t) => {
  const env = { MYSQL_HOST: '', S3_BUCKET: '', REDIS_PASSWORD_FILE: '/no/such/file' };
  const { stdout } = await stack.app(['serve'], { env, accept: [1] });
  t.match(
    stdout,
    /MYSQL_HOST is not set; .*REDIS_PASSWORD_FILE names \/no\/such\/file.*S3_BUCKET is not set/,
  );
});

t.test('it runs hardened, as its own user, in little memory', async (t) => {
  const { stdout } = await stack.compose(['ps', '-q', 'app']);
  const inspected = await docker(['inspect', stdout.trim()]);
  const [container] = JSON.parse(inspected.stdout) as {
    HostConfig: { ReadonlyRootfs: boolean; CapDrop: string[] };
  }[];
  t.match(container, { HostConfig: { ReadonlyRootfs: true, CapDrop: ['ALL'] } });
  const status = await stack.compose(['exec', '-T', 'app', 'cat', '/proc/1/status']);
  t.match(status.stdout, /^Uid:\t10002\t10002/m);
  t.match(status.stdout, /^CapEff:\t0+$/m);
  t.match(status.stdout, /^NoNewPrivs:\t1$/m);
  // Anonymous memory: the runtime's own file is shared by all replicas.
  const ownKb = Number(/^RssAnon:\s+(\d+)/m.exec(status.stdout)![1]);
  t.ok(ownKb < 120 * 1024, `${Math.round(ownKb / 1024)} MB of its own`);
});
