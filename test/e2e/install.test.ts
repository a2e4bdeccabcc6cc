// A customer installs a release from its bundle, uses it, looks at it, installs it again and takes it off.

import { rm } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import t from 'tap';
import { TestAppliance, runCommand } from './appliance.ts';
import { demoBundle } from './demo-bundle.ts';
import { until } from './sample-app-stack.ts';
import { journalFiles, secretPieces } from './told-secrets.ts';

const bundle = await demoBundle();
const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
t.teardown(() => appliance.remove());

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function ask(
  path: string,
  options: {
    readonly method?: string;
    readonly body?: string | Buffer;
    readonly headers?: Record<string, string>;
  } = {},
  ca?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port: appliance.httpsPort,
        path,
        agent: false,
        method: options.method ?? 'GET',
        headers: options.headers,
        ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString('latin1'),
            headers: response.headers,
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

t.test('without a daemon the CLI says so and how to start it', async (t) => {
  const { code, stderr } = await appliance.onstead(['status']);
  t.equal(code, 6);
  t.match(stderr, /The Onstead daemon is not running/);
  t.match(stderr, /next: Start it with/);
});

t.test('a bundle becomes a running stack', async (t) => {
  await appliance.start();
  const empty = await appliance.onstead(['status']);
  t.match(empty.stdout, /Nothing is installed yet/);

  const plan = await appliance.onstead(['install', bundle.path, '--plan']);
  t.equal(plan.code, 0, plan.stderr);
  t.match(plan.stdout, /Load the images/);
  t.equal(
    (await appliance.engine.containers.list({ project: appliance.project })).length,
    0,
    'a plan changes nothing',
  );

  const { code, stdout, stderr } = await appliance.onstead(['install', bundle.path]);
  t.equal(code, 0, stderr + stdout);
  t.match(stdout, /Done: Install Notes 1\.0\.0/);
  t.match(stdout, new RegExp(`https://localhost:${appliance.httpsPort}`));
  t.notMatch(stdout, /\u001B/, 'no colour where there is no terminal');
});

t.test('the app answers over a certificate that the appliance itself vouches for', async (t) => {
  const { stdout: ca } = await appliance.onstead(['certificate']);
  const { status, body } = await ask('/', {}, ca);
  t.equal(status, 200);
  t.match(body, /Notes/);
  await t.rejects(
    ask('/', {}, rootCertificates[0]),
    { code: /CERT|ISSUER|SIGN/ },
    'no other authority vouches for it',
  );
});

t.test('plain HTTP only leads to HTTPS', async (t) => {
  const response = await fetch(`http://127.0.0.1:${appliance.httpPort}/x?y=1`, { redirect: 'manual' });
  t.equal(response.status, 308);
  t.equal(response.headers.get('location'), `https://127.0.0.1:${appliance.httpsPort}/x?y=1`);
});

t.test('a note with an attachment made through the edge is in MySQL and in the object store', async (t) => {
  const made = await ask('/api/notes', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'From the edge', body: 'kept' }),
  });
  t.equal(made.status, 201, made.body);
  const { id } = JSON.parse(made.body) as { id: number };
  const attached = await ask(`/api/notes/${id}/attachments?name=hello.txt`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: 'attached words',
  });
  t.equal(attached.status, 201, attached.body);

  const rows = await appliance.compose([
    'exec',
    '-T',
    'mysql',
    'mysql',
    '--defaults-extra-file=/run/secrets/admin.cnf',
    '-N',
    '-e',
    `SELECT title FROM notes.notes WHERE id = ${id}`,
  ]);
  t.match(rows.stdout, /From the edge/);
  const note = JSON.parse((await ask(`/api/notes/${id}`)).body) as { attachments: { id: number }[] };
  const back = await ask(`/api/notes/${id}/attachments/${note.attachments[0]!.id}`);
  t.equal(back.body, 'attached words');
});

t.test('plain docker compose in the folder of the stack shows it all', async (t) => {
  const { stdout, code } = await appliance.compose(['ps', '--format', '{{.Service}} {{.State}}']);
  t.equal(code, 0);
  const lines = stdout.trim().split('\n').toSorted();
  t.strictSame(
    [...new Set(lines)],
    ['app', 'minio', 'mysql', 'nginx', 'onstead-edge', 'redis'].map((name) => `${name} running`),
  );
  const { stdout: changes } = await appliance.compose(['--dry-run', 'up', '-d']);
  t.notMatch(changes, /Recreate|Creat/, 'a plain up has nothing to change');
  const waited = await appliance.compose(['up', '-d', '--wait']);
  t.equal(waited.code, 0, `a plain up that waits: ${waited.stderr}`);
});

t.test(
  'no secret stands in a log, a file of the stack, an answer, a process list or a container environment',
  async (t) => {
    const pieces = await secretPieces(appliance);
    t.ok(pieces.length >= 6);
    const places: Record<string, string> = {
      'the log of the daemon': await appliance.log(),
      'the folder of the stack': (await runCommand('grep', ['-r', '', appliance.paths.stack])).stdout,
      ...(await journalFiles(appliance)),
      'the operations': (await appliance.onstead(['operations', 'show', '--json'])).stdout,
      'the logs of the services': (await appliance.compose(['logs'])).stdout,
      'the process list': (await runCommand('ps', ['axww', '-o', 'args'])).stdout,
    };
    for (const { id, name } of await appliance.engine.containers.list({ project: appliance.project })) {
      places[`docker inspect ${name}`] = (await runCommand('docker', ['inspect', id])).stdout;
    }
    for (const [place, text] of Object.entries(places)) {
      t.ok(text.length > 0, `${place} was read`);
      t.notOk(
        pieces.some((piece) => text.includes(piece)),
        place,
      );
    }
  },
);

t.test('a second run finds that nothing needs doing', async (t) => {
  const before = (await appliance.engine.containers.list({ project: appliance.project }))
    .map(({ id }) => id)
    .toSorted();
  const { code, stdout } = await appliance.onstead(['install', bundle.path]);
  t.equal(code, 0, stdout);
  t.match(stdout, /nothing needed doing/);
  const after = (await appliance.engine.containers.list({ project: appliance.project }))
    .map(({ id }) => id)
    .toSorted();
  t.strictSame(after, before, 'no container was replaced');
});

t.test('a run after damage puts right just what is wrong', async (t) => {
  await appliance.compose(['rm', '-sf', 'redis']);
  const ill = await appliance.onstead(['status']);
  t.equal(ill.code, 5);
  t.match(ill.stdout, /redis has no container.*\n +onstead boot\n/);
  const { code, stdout } = await appliance.onstead(['install', bundle.path]);
  t.equal(code, 0, stdout);
  t.match(stdout, /✓ Start the data services/);
  t.match(stdout, /= Start Notes and the edge {2}nothing to do/);
  t.equal((await appliance.onstead(['status'])).code, 0);
});

/** As MySQL answers; it may just be starting. */
function bufferPool(): Promise<string> {
  const query = 'select @@innodb_buffer_pool_size';
  const asked = ['mysql', '--defaults-extra-file=/run/secrets/admin.cnf', '-N', '-e', query];
  return until('MySQL to answer', 60_000, async () => {
    const { stdout } = await appliance.compose(['exec', '-T', 'mysql', ...asked]);
    return /^\d+$/.exec(stdout.trim())?.[0];
  });
}

t.test('a configuration that was deleted does not let a service start on other settings', async (t) => {
  const before = await bufferPool();
  await rm(join(appliance.paths.stack, 'config/mysql/onstead.cnf'));
  await appliance.compose(['rm', '-sf', 'mysql']);
  const boot = await appliance.onstead(['boot']);
  t.not(boot.code, 0);
  t.match(boot.stderr, /is missing: config\/mysql\/onstead\.cnf\.\nnext: .*onstead install/);
  await appliance.compose(['up', '-d', 'mysql']);
  t.not(await bufferPool(), before, 'by hand it starts, on the settings of its maker');
  const { code, stdout } = await appliance.onstead(['install', bundle.path]);
  t.equal(code, 0, stdout);
  t.equal(await bufferPool(), before);
});

t.test('opened secrets that were deleted are opened again for what runs', async (t) => {
  await rm(appliance.paths.unsealed, { recursive: true });
  const boot = await appliance.onstead(['boot']);
  t.equal(boot.code, 0, boot.stderr);
  t.ok(await bufferPool(), 'MySQL sees its secrets');
  await rm(appliance.paths.unsealed, { recursive: true });
  const { code, stdout } = await appliance.onstead(['install', bundle.path]);
  t.equal(code, 0, stdout);
  t.ok(await bufferPool());
  t.equal((await appliance.onstead(['status'])).code, 0);
});

t.test('logs, services and operations can be read, also as JSON', async (t) => {
  const logs = await appliance.onstead(['logs', 'app', '--tail', '5']);
  t.match(logs.stdout, new RegExp(`${appliance.project}-app-1`));
  const unknown = await appliance.onstead(['logs', 'nobody']);
  t.equal(unknown.code, 2);
  t.match(unknown.stderr, /There is no service "nobody"/);
  const services = JSON.parse((await appliance.onstead(['services', '--json'])).stdout) as { name: string }[];
  t.ok(services.some(({ name }) => name === 'mysql'));
  const shown = await appliance.onstead(['operations', 'show']);
  t.match(shown.stdout, /Load the images/);
});

t.test('uninstalling takes off what was made and nothing else', async (t) => {
  const look = await appliance.onstead(['uninstall']);
  t.match(look.stdout, /This would remove/);
  const refused = await appliance.onstead(['uninstall', '--yes']);
  t.match(look.stdout, /The daemon runs; `sh .*install\.sh --uninstall` stops it/);
  t.equal(refused.code, 5);
  t.match(refused.stderr, /The daemon still runs.*\nnext: Run `sh .*install\.sh --uninstall`/);
  await appliance.stop();
  const { code, stdout } = await appliance.onstead(['uninstall', '--yes']);
  t.equal(code, 0, stdout);
  t.equal((await appliance.engine.containers.list({ project: appliance.project })).length, 0);
  t.equal(
    (await appliance.engine.volumes.list({ labels: [`onstead.project=${appliance.project}`] })).length,
    0,
  );
  t.ok(
    (await appliance.engine.images.list({ reference: 'onstead-demo/mysql' })).length > 0,
    'the images of others stay',
  );
});
