// The objects' half of a restore point on a real S3 server: what was there at the cut is there after a restore, what
// came later is out of sight and can be had again, the counts are exact, and what no point needs any more is cleared away.

import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { run } from '../../src/base/process.ts';
import {
  countObjectChanges,
  cutObjects,
  exportObjects,
  objectStorePort,
  probeBuckets,
  restoreObjects,
  sweepObjects,
  type ObjectStoreAccess,
} from '../../src/stack/index.ts';
import { cutStore, ownBuckets } from '../../src/deploy/object-versions.ts';
import { openJournal } from '../unit/journal/lab.ts';
import { until } from '../contract/engine-lab.ts';
import { demoImage, openStackLab } from '../contract/stack-lab.ts';

const lab = await openStackLab();
t.teardown(() => lab.close());
const credentials = {
  accessKeyId: randomBytes(10).toString('hex'),
  secretAccessKey: randomBytes(32).toString('hex'),
};
const secrets = join(lab.folder, 'secrets');
await mkdir(secrets);
await writeFile(join(secrets, 'access'), credentials.accessKeyId, { mode: 0o444 });
await writeFile(join(secrets, 'secret'), credentials.secretAccessKey, { mode: 0o444 });
await chmod(lab.folder, 0o755);
const container = await lab.start(
  [
    ...['--volume', `${secrets}:/run/secrets:ro`, '--memory', '1g'],
    ...['--env', 'MINIO_ROOT_USER_FILE=/run/secrets/access'],
    ...['--env', 'MINIO_ROOT_PASSWORD_FILE=/run/secrets/secret'],
    ...['--tmpfs', '/run:uid=10001,gid=10001,mode=755'],
  ],
  await demoImage('object-store'),
);
await lab.engine.containers.waitHealthy([container], { timeoutMs: 120_000 });
const facts = await until('the address of the object store', () => lab.engine.containers.inspect(container));
const address = facts.networks.find(({ ipv4 }) => ipv4 !== undefined)!.ipv4!;
const access: ObjectStoreAccess = { endpoint: `http://${address}:${objectStorePort}`, credentials };
const client = new S3Client({
  endpoint: access.endpoint,
  region: 'us-east-1',
  forcePathStyle: true,
  credentials,
});
t.teardown(() => client.destroy());

let buckets = 0;
async function newBucket(): Promise<string> {
  buckets += 1;
  const Bucket = `bucket-${buckets}`;
  await client.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}
const put = (Bucket: string, Key: string, Body: string) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body }));
const remove = (Bucket: string, Key: string) => client.send(new DeleteObjectCommand({ Bucket, Key }));

/** Key → content, of everything that an app would see. */
async function contents(Bucket: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const Key of await keys(Bucket)) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    found[Key] = await Body!.transformToString();
  }
  return found;
}

async function keys(Bucket: string): Promise<string[]> {
  const found: string[] = [];
  for (let ContinuationToken: string | undefined; ;) {
    const page = await client.send(new ListObjectsV2Command({ Bucket, ContinuationToken }));
    found.push(...(page.Contents ?? []).map(({ Key }) => Key!));
    ContinuationToken = page.NextContinuationToken;
    if (ContinuationToken === undefined) return found;
  }
}

async function versionsIn(Bucket: string): Promise<number> {
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
  return Versions.length + DeleteMarkers.length;
}

/** How many versions went. */
const sweep = async (bucket: string, cutsMs: readonly number[]): Promise<number> =>
  (await sweepObjects(access, [bucket], { cutsMs })).removed;

const versioningOf = async (Bucket: string) =>
  (await client.send(new GetBucketVersioningCommand({ Bucket }))).Status;

t.test('a restore brings back what was changed and deleted, and hides what is new', async (t) => {
  const bucket = await newBucket();
  for (const key of ['kept', 'changed', 'deleted', 'deleted and back', 'sp ace+plus/ü%20&<>'])
    await put(bucket, key, 'before');
  const before = await contents(bucket);
  const cut = await cutObjects(access, [bucket]);
  t.equal(await versioningOf(bucket), 'Enabled');
  t.equal(await versionsIn(bucket), 5, 'nothing of ours stays');
  t.strictSame(await countObjectChanges(access, cut), { written: 0, deleted: 0, versions: 0 });
  await put(bucket, 'changed', 'once');
  await put(bucket, 'changed', 'twice');
  await put(bucket, 'new', 'x');
  await put(bucket, 'new and gone', 'x');
  await remove(bucket, 'new and gone');
  await remove(bucket, 'deleted');
  await remove(bucket, 'deleted and back');
  await put(bucket, 'deleted and back', 'after');
  await put(bucket, 'sp ace+plus/ü%20&<>', 'after');
  t.strictSame(await countObjectChanges(access, cut), { written: 4, deleted: 1, versions: 9 });
  t.equal(await restoreObjects(access, cut), 5, 'four are written anew, one is hidden');
  t.strictSame(await contents(bucket), before);
  t.match(await countObjectChanges(access, cut), { written: 0, deleted: 0 });
  t.equal(await restoreObjects(access, cut), 0, 'again, and nothing is left to do');
});

t.test(
  'from a restore a way leads back, and from that one again, whatever was swept in between',
  async (t) => {
    const bucket = await newBucket();
    for (const key of ['kept', 'changed', 'deleted', 'typed']) await put(bucket, key, 'before');
    const before = await contents(bucket);
    const first = await cutObjects(access, [bucket]);
    await put(bucket, 'changed', 'once');
    await put(bucket, 'changed', 'twice');
    await put(bucket, 'new', 'x');
    await remove(bucket, 'deleted');
    await client.send(
      new PutObjectCommand({ Bucket: bucket, Key: 'typed', Body: 'before', ContentType: 'text/x-new' }),
    );
    const after = await contents(bucket);
    const typeOf = async () =>
      (await client.send(new GetObjectCommand({ Bucket: bucket, Key: 'typed' }))).ContentType;
    const second = await cutObjects(access, [bucket]);
    await restoreObjects(access, first);
    t.strictSame(await contents(bucket), before);
    t.not(await typeOf(), 'text/x-new', 'the same bytes with another type are not the same');
    const third = await cutObjects(access, [bucket]);
    await put(bucket, 'from the past', 'y');
    await sweep(bucket, [first.cutMs, second.cutMs, third.cutMs]);
    t.match(await countObjectChanges(access, third), { written: 1, deleted: 0 });
    await restoreObjects(access, second);
    t.strictSame(await contents(bucket), after);
    t.equal(await typeOf(), 'text/x-new');
    await restoreObjects(access, third);
    t.strictSame(await contents(bucket), before);
    await restoreObjects(access, second);
    await sweep(bucket, [second.cutMs]);
    t.strictSame(await contents(bucket), after);
    await restoreObjects(access, second);
    t.strictSame(await contents(bucket), after, 'what was swept was not needed');
  },
);

t.test('of a write and a delete in one second before the cut the later one counts', async (t) => {
  const bucket = await newBucket();
  for (const [at, key] of ['there', 'gone', 'there/too'].entries()) {
    await put(bucket, key, `${at} early`);
    await remove(bucket, key);
    if (key !== 'gone') await put(bucket, key, `${at} late`);
  }
  const before = await contents(bucket);
  t.strictSame(before, { there: '0 late', 'there/too': '2 late' });
  const cut = await cutObjects(access, [bucket]);
  for (const key of ['there', 'gone', 'there/too']) await put(bucket, key, 'after');
  t.equal(await restoreObjects(access, cut), 3);
  t.strictSame(await contents(bucket), before);
});

t.test('what a restore would hide is kept in a tar file first, as it is now', async (t) => {
  const bucket = await newBucket();
  const long = `${'folder/'.repeat(30)}ü & <long>`;
  for (const key of ['kept', 'changed', 'deleted']) await put(bucket, key, 'before');
  const cut = await cutObjects(access, [bucket]);
  const file = join(lab.folder, 'newer.tar');
  t.equal(await exportObjects(access, cut, file), 0);
  t.notOk(existsSync(file), 'nothing is newer, so there is no file');
  await put(bucket, 'changed', 'once');
  await put(bucket, 'changed', 'twice');
  await put(bucket, long, 'x'.repeat(3_000_000));
  await put(bucket, 'empty', '');
  await put(bucket, 'new and gone', 'x');
  await remove(bucket, 'new and gone');
  await remove(bucket, 'deleted');
  t.equal(await exportObjects(access, cut, file), 3);
  const folder = join(lab.folder, 'newer');
  await mkdir(folder);
  await run('tar', ['-xf', file, '-C', folder]);
  t.strictSame((await readdir(join(folder, bucket))).toSorted(), ['changed', 'empty', 'folder']);
  t.equal(await readFile(join(folder, bucket, 'changed'), 'utf8'), 'twice');
  t.equal((await readFile(join(folder, bucket, long), 'utf8')).length, 3_000_000);
  await t.rejects(exportObjects(access, cut, join(lab.folder, 'no-folder/newer.tar')));
});

t.test('an earlier cut can be gone back to after a later one, and a restore leads on', async (t) => {
  const bucket = await newBucket();
  await put(bucket, 'a', '1');
  const first = await cutObjects(access, [bucket]);
  await put(bucket, 'a', '2');
  await put(bucket, 'b', '2');
  const second = await cutObjects(access, [bucket]);
  t.ok(second.cutMs > first.cutMs);
  await remove(bucket, 'a');
  await put(bucket, 'b', '3');
  await restoreObjects(access, second);
  t.strictSame(await contents(bucket), { a: '2', b: '2' });
  await put(bucket, 'c', '4');
  const third = await cutObjects(access, [bucket]);
  await remove(bucket, 'c');
  await restoreObjects(access, third);
  t.strictSame(await contents(bucket), { a: '2', b: '2', c: '4' });
  await restoreObjects(access, first);
  t.strictSame(await contents(bucket), { a: '1' });
});

t.test('one cut holds for several buckets', async (t) => {
  const both = [await newBucket(), await newBucket()];
  for (const bucket of both) await put(bucket, 'k', bucket);
  const cut = await cutObjects(access, both);
  for (const bucket of both) await put(bucket, 'k', 'changed');
  t.strictSame(await countObjectChanges(access, cut), { written: 2, deleted: 0, versions: 2 });
  await restoreObjects(access, cut);
  for (const bucket of both) t.strictSame(await contents(bucket), { k: bucket });
});

t.test('listings of several pages are gone through to their end', async (t) => {
  const bucket = await newBucket();
  const names = Array.from({ length: 1100 }, (_, at) => `k${String(at).padStart(4, '0')}`);
  const inTurns = async (work: (name: string) => Promise<unknown>): Promise<void> => {
    for (let at = 0; at < names.length; at += 20) await Promise.all(names.slice(at, at + 20).map(work));
  };
  await inTurns((name) => put(bucket, name, 'before'));
  const cut = await cutObjects(access, [bucket]);
  await inTurns((name) => (name.endsWith('7') ? remove(bucket, name) : put(bucket, name, 'after')));
  await inTurns((name) => put(bucket, `z${name}`, 'new'));
  t.strictSame(await countObjectChanges(access, cut), { written: 2090, deleted: 110, versions: 2200 });
  t.equal(await restoreObjects(access, cut), 2200, '1100 written anew, 1100 hidden');
  t.strictSame(await keys(bucket), names);
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: 'k0007' }));
  t.equal(await Body!.transformToString(), 'before');
});

t.test('what no point needs is cleared away, and what one needs stays', async (t) => {
  const bucket = await newBucket();
  await put(bucket, 'a', '1');
  await put(bucket, 'gone', '1');
  const first = await cutObjects(access, [bucket]);
  await put(bucket, 'a', 'between');
  await sleep(1100); // the store lists whole seconds
  await put(bucket, 'a', '2');
  await remove(bucket, 'gone');
  const second = await cutObjects(access, [bucket]);
  await put(bucket, 'a', '3');
  await put(bucket, 'late', '3');
  await remove(bucket, 'late');
  const now = await contents(bucket);
  t.equal(await sweep(bucket, [first.cutMs, second.cutMs]), 3, '"between", "late" twice');
  t.equal(await sweep(bucket, [first.cutMs, second.cutMs]), 0);
  t.strictSame(await contents(bucket), now);
  t.equal(await sweep(bucket, [second.cutMs]), 3, 'the first state of both');
  t.strictSame(await contents(bucket), now);
  await restoreObjects(access, second);
  t.strictSame(await contents(bucket), { a: '2' });
});

t.test('with no point left versions are kept no longer, and only the present stays', async (t) => {
  const bucket = await newBucket();
  await put(bucket, 'old', '1');
  await cutObjects(access, [bucket]);
  await put(bucket, 'old', '2');
  await put(bucket, 'b', '1');
  await remove(bucket, 'b');
  await sweep(bucket, []);
  t.equal(await versioningOf(bucket), 'Suspended');
  t.equal(await versionsIn(bucket), 1);
  t.strictSame(await contents(bucket), { old: '2' });
  await put(bucket, 'old', '3');
  await remove(bucket, 'old');
  await put(bucket, 'c', '1');
  await sweep(bucket, []);
  t.equal(await versionsIn(bucket), 1, 'also what was left while versions were off');
  const cut = await cutObjects(access, [bucket]);
  await put(bucket, 'c', '2');
  await restoreObjects(access, cut);
  t.strictSame(await contents(bucket), { c: '1' });
});

t.test('what is cleared away in portions is what is cleared away at once', async (t) => {
  const [empty, bucket] = [await newBucket(), await newBucket()];
  const names = [...Array(1_100).keys()].map((at) => `object-${String(at).padStart(4, '0')}`);
  await Promise.all(names.map((name) => put(bucket, name, '1')));
  const cut = await cutObjects(access, [empty, bucket]);
  for (const name of names.slice(0, 40)) await put(bucket, name, '2');
  await put(bucket, names.at(-1)!, '2');
  const portions: { removed: number; next?: { bucket: string; key: string } }[] = [];
  do {
    const last = portions.at(-1)?.next;
    const task = { cutsMs: [], forMs: 0, ...(last === undefined ? {} : { from: last }) };
    portions.push(await sweepObjects(access, [empty, bucket], task));
  } while (portions.at(-1)!.next !== undefined);
  t.ok(portions.length > 1, `${portions.length} portions`);
  t.ok(portions.slice(0, -1).every(({ next }) => next?.bucket === bucket));
  t.equal(
    portions.reduce((sum, { removed }) => sum + removed, 0),
    41,
  );
  t.equal(await sweep(bucket, [cut.cutMs]), 0);
  t.equal((await keys(bucket)).length, names.length);
});

t.test('a bucket that kept versions before the first cut is the one of somebody else', async (t) => {
  const { journal } = await openJournal(t);
  const [ours, theirs] = [await newBucket(), await newBucket()];
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await client.send(new PutBucketVersioningCommand({ Bucket: theirs, VersioningConfiguration }));
  const store = { service: 'minio', buckets: [ours, theirs], access };
  await cutStore({ journal }, store);
  t.equal(await versioningOf(ours), 'Enabled');
  await cutStore({ journal }, store);
  t.strictSame(
    ownBuckets({ journal }, 'minio', store.buckets),
    [ours],
    'the second cut does not confuse them',
  );
});

t.test('a bucket that never had a point stays without versions', async (t) => {
  const bucket = await newBucket();
  await put(bucket, 'a', '1');
  t.equal(await sweep(bucket, []), 0);
  t.equal(await versioningOf(bucket), undefined);
  t.strictSame(await contents(bucket), { a: '1' });
});

t.test('a probe of the store is no change that counts', async (t) => {
  const bucket = await newBucket();
  const cut = await cutObjects(access, [bucket]);
  await probeBuckets(access, [bucket]);
  t.strictSame(await countObjectChanges(access, cut), { written: 0, deleted: 0, versions: 0 });
});

t.test('a clock object that a kill left behind is removed by the next cut', async (t) => {
  const bucket = await newBucket();
  await cutObjects(access, [bucket]);
  await put(bucket, '.onstead/clock-0011', 'x');
  await remove(bucket, '.onstead/clock-0011');
  await cutObjects(access, [bucket]);
  t.equal(await versionsIn(bucket), 0);
});

t.test('a cut of no bucket is a cut of nothing', async (t) => {
  const cut = await cutObjects(access, []);
  t.equal(await restoreObjects(access, cut), 0);
});

t.test('wrong keys are said in one sentence', async (t) => {
  const wrong = { ...access, credentials: { ...credentials, secretAccessKey: 'x'.repeat(64) } };
  await t.rejects(cutObjects(wrong, ['bucket-1']), { code: 'store.refused', next: /./ });
});
