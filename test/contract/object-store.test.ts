// The object store through S3, against the real one: buckets, probes, and what a person reads when the keys are wrong.

import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { reportOf } from '../../src/base/errors.ts';
import {
  ensureBuckets,
  objectStorePort,
  probeBuckets,
  type ObjectStoreAccess,
} from '../../src/stack/index.ts';
import { until } from './engine-lab.ts';
import { demoImage, openStackLab } from './stack-lab.ts';

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
    '--volume',
    `${secrets}:/run/secrets:ro`,
    '--env',
    'MINIO_ROOT_USER_FILE=/run/secrets/access',
    '--env',
    'MINIO_ROOT_PASSWORD_FILE=/run/secrets/secret',
    '--tmpfs',
    '/run:uid=10001,gid=10001,mode=755',
    '--memory',
    '1g',
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

t.test('buckets are made once and asked for as often as wanted', async (t) => {
  t.strictSame(await ensureBuckets(access, ['one', 'two.with-dots']), ['one', 'two.with-dots']);
  t.strictSame(await ensureBuckets(access, ['one', 'two.with-dots']), []);
  t.strictSame(await ensureBuckets(access, ['two.with-dots', 'three']), ['three']);
  t.strictSame(await ensureBuckets(access, []), []);
});

t.test('a probe puts, gets and deletes in each bucket', async (t) => {
  await ensureBuckets(access, ['probed']);
  await t.resolves(probeBuckets(access, ['probed']));
  await t.resolves(probeBuckets(access, ['probed', 'probed']));
});

async function keysIn(bucket: string): Promise<string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  return Contents.map(({ Key }) => Key!);
}

t.test('a probe leaves nothing, and removes what one that was cut off has left', async (t) => {
  await ensureBuckets(access, ['swept']);
  const others = ['.onstead/other', 'probe-1', 'photos/1.jpg'];
  for (const Key of [...others, '.onstead/probe-0011', '.onstead/probe-2233'])
    await client.send(new PutObjectCommand({ Bucket: 'swept', Key, Body: 'x' }));
  await probeBuckets(access, ['swept']);
  t.strictSame((await keysIn('swept')).toSorted(), others.toSorted());
});

t.test('a probe that fails in the middle leaves nothing either, and says what is wrong', async (t) => {
  await ensureBuckets(access, ['broken']);
  for (const [harm, code] of [
    ['flip', 'store.corrupts'],
    ['flip, without its checksum', 'store.corrupts'],
    ['cut', 'store.unreachable'],
  ] as const) {
    const endpoint = await harmfulProxy(t, harm);
    await t.rejects(probeBuckets({ ...access, endpoint }, ['broken']), { code }, harm);
    t.strictSame(await keysIn('broken'), [], `${harm}: nothing is left`);
  }
});

/** Passes everything on to the store, and does harm to the probe's object on its way back. */
async function harmfulProxy(t: Test, harm: string): Promise<string> {
  const server = createServer((asked, answer) => {
    const options = { host: address, port: objectStorePort, method: asked.method, path: asked.url };
    const upstream = request({ ...options, headers: asked.headers }, (response) => {
      const isProbe = asked.method === 'GET' && asked.url!.includes('/.onstead/probe-');
      if (isProbe && harm === 'cut') return answer.destroy();
      const headers = Object.entries(response.headers).filter(
        ([name]) => !(harm.includes('without') && /checksum|etag/.test(name)),
      );
      answer.writeHead(response.statusCode!, Object.fromEntries(headers));
      response.on('data', (chunk: Buffer) => {
        if (isProbe) chunk[0]! ^= 1;
        answer.write(chunk);
      });
      response.on('end', () => answer.end());
    });
    asked.pipe(upstream);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

t.test('a bucket that is not there is named', async (t) => {
  await t.rejects(probeBuckets(access, ['absent']), {
    code: 'store.no-bucket',
    message: /"absent"/,
    next: /installation/,
  });
});

t.test('wrong keys are said in one sentence, and no key is in it', async (t) => {
  for (const wrong of [
    { ...credentials, secretAccessKey: randomBytes(32).toString('hex') },
    { ...credentials, accessKeyId: randomBytes(10).toString('hex') },
  ]) {
    const asks: ((given: ObjectStoreAccess, buckets: string[]) => Promise<unknown>)[] = [
      ensureBuckets,
      probeBuckets,
    ];
    for (const ask of asks) {
      const error = await t.rejects(ask({ ...access, credentials: wrong }, ['one']), {
        code: 'store.refused',
        message: /keys/,
        next: /./,
      });
      const said = JSON.stringify(reportOf(error));
      for (const key of [wrong.secretAccessKey, wrong.accessKeyId]) t.notOk(said.includes(key));
    }
  }
});

t.test('a store that does not answer is said to be out of reach', async (t) => {
  await t.rejects(ensureBuckets({ ...access, endpoint: 'http://127.0.0.1:9' }, ['one']), {
    code: 'store.unreachable',
    message: /127\.0\.0\.1:9/,
    next: /logs/,
  });
});
