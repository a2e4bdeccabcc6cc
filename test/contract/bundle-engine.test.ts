// Bundles against the real things: a Docker Engine that gives and takes the images, and the public tools that a
// customer would check with (tar, minisign, sha256sum, skopeo).

import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { pack } from 'tar-stream';
import { run } from '../../src/base/process.ts';
import { connectEngine, engineImageSource } from '../../src/engine/index.ts';
import { buildBundle, keygen, openBundle, readPublicKey, readSecretKey } from '../../src/release/index.ts';

const folder = await mkdtemp(join(tmpdir(), 'onstead-bundle-'));
const mark = randomBytes(4).toString('hex');
const BASE = `onstead-test-bundle/base:${mark}`;
const APP = `onstead-test-bundle/app:${mark}`;
const tags = new Set([APP, BASE]);
const engine = await connectEngine();
const pair = await keygen();
const trustedKeys = [readPublicKey(pair.publicKey)];
const secretKey = await readSecretKey(pair.secretKey);
const at = (name: string): string => join(folder, name);

t.teardown(async () => {
  for (const tag of tags) await engine.images.remove(tag, { force: true });
  await rm(folder, { recursive: true, force: true });
});

/** A base of one layer, and an image on top of it: together as different from all others as they can be. */
async function makeImages(): Promise<void> {
  const tar = pack();
  tar.entry({ name: 'base.txt' }, `base ${mark}\n`);
  tar.entry({ name: 'noise' }, randomBytes(3_000_000));
  tar.entry({ name: 'var/lib/dpkg/status' }, 'Package: libc6\nStatus: install ok installed\nVersion: 2.36\n');
  tar.finalize();
  await writeFile(at('base.tar'), await buffer(tar));
  await run('docker', ['import', at('base.tar'), BASE]);
  await mkdir(at('context'));
  await writeFile(at('context/app.txt'), `app ${mark}\n`);
  await writeFile(at('context/Dockerfile'), `FROM ${BASE}\nCOPY app.txt /app.txt\nCMD ["/none"]\n`);
  await run('docker', ['build', '-q', '-t', APP, at('context')], {
    env: { ...process.env, DOCKER_BUILDKIT: '0' },
  });
}

await makeImages();

const build = (name: string) =>
  buildBundle({
    composeText: `name: notes
x-onstead: { version: 1.0.0 }
services:
  app: { image: "${APP}", x-onstead: { role: app, port: 80, health: /h, ready: /r } }
  nginx: { image: "example.com/edge/nginx:1.30", x-onstead: { role: nginx } }
`,
    composeFile: 'compose.yaml',
    imageSource: engineImageSource(engine),
    imageOverrides: { nginx: BASE },
    platform: 'linux/amd64',
    secretKey,
    createdAt: new Date('2026-11-20T00:00:00Z'),
    outPath: at(name),
  });

const built = await build('bundle.tar');
const [app, edge] = built.index.images;
for (const { contentTag } of built.index.images) tags.add(contentTag);

async function forgetImages(keep: readonly string[] = []): Promise<void> {
  for (const tag of tags) if (!keep.includes(tag)) await engine.images.remove(tag, { force: true });
}

async function contentOf(image: string, path: string): Promise<string> {
  const { stdout: id } = await run('docker', ['create', image, '/none']);
  try {
    await run('docker', ['cp', `${id.trim()}:${path}`, at('copied')]);
    return await readFile(at('copied'), 'utf8');
  } finally {
    await run('docker', ['rm', id.trim()]);
  }
}

async function loadedAsSigned(): Promise<boolean> {
  for (const image of built.index.images) {
    const found = await engine.images.inspect(image.contentTag);
    if (found === undefined || ![image.configDigest, image.manifestDigest].includes(found.id)) return false;
  }
  return true;
}

t.test("the engine's own ids and layers stand in the index, and a shared layer is there once", async (t) => {
  const real = await engine.images.inspect(APP);
  t.equal(app?.configDigest, real?.id);
  t.strictSame(
    app?.layers.map((layer) => layer.diffId),
    real?.diffIds,
  );
  t.equal(edge?.layers[0]?.digest, app?.layers[0]?.digest);
  t.equal(edge?.contentTag, `example.com/edge/nginx:sha256-${edge?.manifestDigest.slice(7, 27)}`);
});

t.test('built twice from the engine, the bundle has the same bytes', async (t) => {
  await build('again.tar');
  t.ok((await readFile(at('again.tar'))).equals(await readFile(at('bundle.tar'))));
});

t.test('the engine loads what we stream, and its image ids are the signed ones', async (t) => {
  await forgetImages();
  await using bundle = await openBundle(at('bundle.tar'), { trustedKeys });
  await engine.images.load(bundle.imageArchive());
  t.ok(await loadedAsSigned());
  t.equal(await contentOf(app!.contentTag, '/app.txt'), `app ${mark}\n`);
  t.equal(await contentOf(edge!.contentTag, '/base.txt'), `base ${mark}\n`);
});

t.test('a layer that the engine has need not be sent', async (t) => {
  await forgetImages([edge!.contentTag]);
  if ((await engine.info()).containerdStore) return t.pass('a containerd store needs every layer');
  await using bundle = await openBundle(at('bundle.tar'), { trustedKeys });
  const omitLayers = new Set([edge!.layers[0]!.diffId]);
  t.ok(bundle.imageArchiveBytes([app!], { omitLayers }) < 100_000);
  await engine.images.load(bundle.imageArchive([app!], { omitLayers }));
  t.ok(await loadedAsSigned());
  t.equal(await contentOf(app!.contentTag, '/base.txt'), `base ${mark}\n`);
});

t.test('a bundle that changes between verification and load loads nothing', async (t) => {
  await forgetImages();
  const bytes = await readFile(at('bundle.tar'));
  await writeFile(at('changing.tar'), bytes);
  await using bundle = await openBundle(at('changing.tar'), { trustedKeys });
  bytes[bytes.length >> 1]! ^= 1; // inside the layer of noise
  await writeFile(at('changing.tar'), bytes);
  await t.rejects(engine.images.load(bundle.imageArchive()), { code: 'bundle.damaged' });
  t.equal(await engine.images.inspect(app!.contentTag), undefined);
  t.equal(await engine.images.inspect(edge!.contentTag), undefined);
});

t.test('plain docker load takes the bundle as it is', async (t) => {
  await forgetImages();
  await run('docker', ['load', '-i', at('bundle.tar')]);
  t.ok(await loadedAsSigned());
  t.equal(await contentOf(app!.contentTag, '/app.txt'), `app ${mark}\n`);
});

t.test('skopeo reads the bundle as an OCI archive, with the digests that are signed', async (t) => {
  for (const image of built.index.images) {
    const { stdout } = await run('skopeo', [
      'inspect',
      `oci-archive:${at('bundle.tar')}:${image.contentTag}`,
    ]);
    t.match(JSON.parse(stdout), {
      Digest: image.manifestDigest,
      Architecture: 'amd64',
      Layers: image.layers.map((layer) => layer.digest),
    });
  }
});

t.test('tar, minisign and sha256sum verify the bundle without Onstead', async (t) => {
  const cwd = at('unpacked');
  await mkdir(cwd);
  const { stderr } = await run('tar', ['-xf', at('bundle.tar')], { cwd });
  t.equal(stderr, '', 'tar has nothing to complain about');
  await writeFile(at('vendor.pub'), pair.publicKey);
  const signature = await run('minisign', ['-Vm', 'SHA256SUMS', '-p', at('vendor.pub')], { cwd });
  t.match(signature.stdout, 'Trusted comment: notes 1.0.0 linux/amd64 2026-11-20T00:00:00.000Z');
  const sums = await run('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd });
  t.equal(sums.stdout.trim().split('\n').length, built.index.files.length + 1);
  const { stdout } = await run('find', ['.', '-type', 'f'], { cwd });
  t.equal(stdout.trim().split('\n').length, built.index.files.length + 3, 'no file is left without a sum');
});

t.test('a bundle signed again by plain minisign is accepted', async (t) => {
  const cwd = at('unpacked');
  await writeFile(at('vendor.key'), pair.secretKey, { mode: 0o600 });
  await run('minisign', ['-Sm', 'SHA256SUMS', '-s', at('vendor.key'), '-t', 'by another machine'], { cwd });
  const whole = await buffer(createReadStream(at('bundle.tar')));
  const signature = await readFile(join(cwd, 'SHA256SUMS.minisig'));
  const head = Buffer.from(whole.subarray(0, 512));
  head.write(`${signature.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  head.fill(' ', 148, 156);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const padded = Buffer.alloc(Math.ceil(signature.length / 512) * 512);
  signature.copy(padded);
  await writeFile(at('resigned.tar'), Buffer.concat([head, padded, whole.subarray(1024)]));
  await using bundle = await openBundle(at('resigned.tar'), { trustedKeys });
  t.equal(bundle.signedBy.trustedComment, 'by another machine');
});
