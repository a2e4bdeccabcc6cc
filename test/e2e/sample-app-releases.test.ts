// Every release of the sample app: the good ones migrate as they say, and each bad one is bad in exactly its way.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { parse } from 'yaml';
import { releaseCompose, RELEASES } from '../../compose/sample-app/releases.ts';
import { isOnsteadError } from '../../src/base/errors.ts';
import { demoImages, docker, SampleStack, until } from './sample-app-stack.ts';

t.setTimeout(180_000);

const stack = new SampleStack(await demoImages());
t.teardown(() => stack.remove());

await stack.compose(['up', '-d', '--wait', 'mysql', 'redis', 'minio']);
await stack.app(['create-bucket']);

/** A database of its own for each story, so that a broken one harms no other. */
async function freshDatabase(name: string): Promise<Record<string, string>> {
  await stack.sql(`CREATE DATABASE ${name}; GRANT ALL ON ${name}.* TO notes@'%';`);
  return { MYSQL_DATABASE: name };
}

async function messageOfFailure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isOnsteadError(error)) return error.message;
    throw error;
  }
  return 'it succeeded';
}

async function tablesOf(database: string): Promise<string[]> {
  return (await stack.sql(`SHOW TABLES FROM ${database}`)).split('\n');
}

async function waitReady(url: string): Promise<void> {
  await until('the app to be ready', 20_000, async () => {
    return (await fetch(`${url}/api/ready`)).status === 200 ? true : undefined;
  });
}

t.test('each release has a Compose file that names its version, its image and its way back', (t) => {
  for (const release of RELEASES) {
    const file = parse(releaseCompose(release.name)) as {
      'x-onstead': { version: string };
      services: { app: { image: string; 'x-onstead': { migrate: { reversible: boolean } } } };
    };
    t.equal(file['x-onstead'].version, release.version);
    t.equal(file.services.app.image, release.image);
    t.equal(file.services.app['x-onstead'].migrate.reversible, release.reversible);
  }
  t.match(releaseCompose('1.1.0'), /# The default stack/, 'its comments are kept');
  t.throws(() => releaseCompose('9.9.9'), /There is no release/);
  t.end();
});

t.test('1.0.0 → 1.1.0 → back → 1.1.0 → 1.2.0, from where there is no way back', async (t) => {
  const database = await freshDatabase('story');
  await stack.migrate(['up'], database);
  stack.useRelease('1.1.0');
  t.match(await stack.migrate(['status'], database), {
    version: 1,
    complete: false,
    reversible: true,
    pending: [{ version: 2, name: 'labels', reversible: true }],
  });
  t.match(await stack.migrate(['up'], database), { version: 2, complete: true });
  t.match(await stack.migrate(['down'], database), { version: 1, complete: false });
  t.match(await stack.migrate(['up', '--to', '1'], database), { version: 1 }, 'not further than asked');
  t.match(await stack.migrate(['up'], database), { version: 2, complete: true });

  stack.useRelease('1.2.0');
  t.match(await stack.migrate(['status'], database), { reversible: false, pending: [{ name: 'search' }] });
  t.match(await stack.migrate(['up'], database), { version: 3, complete: true });
  t.match(
    await messageOfFailure(stack.migrate(['down'], database)),
    /Migration 3 \(search\) has no way down/,
  );
  t.match(await stack.migrate(['status'], database), { version: 3, complete: true }, 'nothing was changed');
});

t.test('replicas of 1.0.0 and 1.1.0 work side by side on the schema of 1.1.0', async (t) => {
  const database = await freshDatabase('mixed');
  stack.useRelease('1.1.0');
  await stack.migrate(['up'], database);
  const [before, after] = await Promise.all([
    stack.startRelease('1.0.0', database),
    stack.startRelease('1.1.0', database),
  ]);
  await Promise.all([waitReady(before.url), waitReady(after.url)]);
  const add = async (url: string, note: object): Promise<unknown> =>
    (await fetch(`${url}/api/notes`, { method: 'POST', body: JSON.stringify(note) })).json();
  await add(before.url, { title: 'from the old' });
  t.match(await add(after.url, { title: 'from the new', label: 'urgent' }), { label: 'urgent' });
  const oldPage = await (await fetch(before.url)).text();
  const newPage = await (await fetch(after.url)).text();
  for (const page of [oldPage, newPage]) t.match(page, /from the old/);
  t.match(newPage, /class="tag">urgent/);
  t.match(await (await fetch(`${after.url}/api/version`)).json(), { version: '1.1.0', schema: 2 });
});

t.test('never-ready: well, and for ever not ready', async (t) => {
  const database = await freshDatabase('never');
  stack.useRelease('never-ready');
  await stack.migrate(['up'], database);
  const { url } = await stack.startRelease('never-ready', database);
  await until('health', 15_000, async () => ((await fetch(`${url}/api/health`)).ok ? true : undefined));
  await sleep(3_000);
  const ready = await fetch(`${url}/api/ready`);
  t.equal(ready.status, 503);
  t.match(await ready.json(), { phase: 'warming' });
  t.equal((await fetch(`${url}/api/health`)).status, 200);
});

t.test('errors, slow and ignores-sigterm become ready first, and only then misbehave', async (t) => {
  const database = await freshDatabase('faulty');
  await stack.migrate(['up'], database);
  const [errors, slow, stubborn] = await Promise.all(
    ['errors', 'slow', 'ignores-sigterm'].map((name) => stack.startRelease(name, database)),
  );
  await Promise.all([errors, slow, stubborn].map((item) => waitReady(item!.url)));

  const statuses: number[] = [];
  for (let count = 0; count < 100; count += 1) {
    const answer = await fetch(`${errors!.url}/api/notes`);
    await answer.arrayBuffer();
    statuses.push(answer.status);
  }
  t.equal(statuses.filter((status) => status === 500).length, 5, '5 % of a hundred');
  t.equal(statuses.filter((status) => status === 200).length, 95);
  t.equal((await fetch(`${errors!.url}/api/health`)).status, 200);

  const startedMs = performance.now();
  t.equal((await fetch(`${slow!.url}/api/notes`)).status, 200);
  t.ok(performance.now() - startedMs > 850, 'slow, and right');
  const probeMs = performance.now();
  await fetch(`${slow!.url}/api/ready`);
  t.ok(performance.now() - probeMs < 500, 'its probes are as quick as ever');

  await docker(['kill', '-s', 'TERM', stubborn!.name]);
  await sleep(4_000);
  t.equal((await fetch(`${stubborn!.url}/api/ready`)).status, 200, 'it does not hear SIGTERM');
});

t.test('migration-fails: half of it stays, it is known as broken, and nothing goes on over it', async (t) => {
  const database = await freshDatabase('halfway');
  stack.useRelease('migration-fails');
  t.match(
    await messageOfFailure(stack.migrate(['up'], database)),
    /Migration 3 \(owners\) failed at statement 2 of 2: Unknown column 'no_such_column'/,
  );
  t.ok((await tablesOf('halfway')).includes('owners'), 'the first statement stays behind');
  t.match(await stack.migrate(['status'], database), {
    version: 2,
    complete: false,
    broken: [{ version: 3, state: 'incomplete' }],
  });
  t.match(await messageOfFailure(stack.migrate(['up'], database)), /ended half-way before/);
  t.match(await messageOfFailure(stack.migrate(['down'], database)), /ended half-way before/);
});

t.test('app-fails: the migration succeeds, then the app ends with 1, and the way back works', async (t) => {
  const database = await freshDatabase('ends');
  stack.useRelease('app-fails');
  t.match(await stack.migrate(['up'], database), { version: 3, complete: true });
  const { name } = await stack.startRelease('app-fails', database);
  t.equal((await docker(['wait', name])).stdout.trim(), '1');
  t.match((await docker(['logs', name])).stdout, /This release fails at its start/);
  t.match(await stack.migrate(['down'], database), { version: 2 });
});
