import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import t from 'tap';
import { engineImageSource } from '../../src/engine/index.ts';
import type { TransferProgress } from '../../src/engine/index.ts';
import { run } from '../../src/base/process.ts';
import { openLab } from './engine-lab.ts';

const lab = await openLab();
t.teardown(() => lab.close());
const { images } = lab.engine;
const archive = join(lab.folder, 'saved.tar');

t.test('an image is described as the docker program describes it', async (t) => {
  const { stdout } = await run('docker', ['image', 'inspect', lab.image]);
  const [raw] = JSON.parse(stdout);
  const image = await images.inspect(lab.image);
  t.match(image, {
    id: raw.Id,
    repoTags: [lab.image],
    diffIds: raw.RootFS.Layers,
    sizeBytes: raw.Size,
    architecture: 'amd64',
    os: 'linux',
    user: '0',
    labels: { 'dev.onstead.test': lab.id },
  });
  t.ok(image?.created instanceof Date);
});

t.test('an image that is not there is undefined, not an error', async (t) => {
  t.equal(await images.inspect(`onstead-test-engine:none-${lab.id}`), undefined);
});

t.test('images are listed by label', async (t) => {
  const found = await images.list({ labels: [lab.label] });
  t.match(found, [{ repoTags: [lab.image], labels: { 'dev.onstead.test': lab.id } }]);
});

t.test('a second name is given and taken away, and the image stays', async (t) => {
  const second = `localhost:5000/onstead-test/${lab.id}:sha256-0123456789abcdef0123`;
  await run('docker', ['tag', lab.image, second]);
  t.equal((await images.inspect(second))?.id, (await images.inspect(lab.image))?.id);
  t.equal(await images.remove(second), true);
  t.equal(await images.inspect(second), undefined);
  t.ok(await images.inspect(lab.image));
  t.equal(await images.remove(second), false, 'there was none any more');
});

t.test('an image is saved, removed and loaded again as the same image, with progress', async (t) => {
  const before = await images.inspect(lab.image);
  await pipeline(await images.save([lab.image]), createWriteStream(archive));
  await images.remove(lab.image);
  t.equal(await images.inspect(lab.image), undefined);
  const seen: TransferProgress[] = [];
  const loaded = await images.load(createReadStream(archive), { onProgress: (step) => void seen.push(step) });
  t.same(loaded, [lab.image]);
  t.equal((await images.inspect(lab.image))?.id, before?.id);
  // A containerd store tells of no layer; what was sent is known either way.
  const { containerdStore } = await lab.engine.info();
  t.equal(
    seen.some(({ layer }) => layer !== undefined),
    !containerdStore,
  );
  t.equal(Math.max(...seen.map(({ sentBytes }) => sentBytes)), (await stat(archive)).size);
});

t.test('an archive with a damaged layer is an error, and no image of that name is left', async (t) => {
  // Made here, so that the engine cannot have the sound layer from before.
  const ref = `onstead-test-engine:damaged-${lab.id}`;
  const layer = await tarOf('layer', { data: randomBytes(200_000) });
  await t.rejects(images.load(Readable.from([await archiveOf(ref, layer, flipped(layer))])), {
    code: 'engine.load-failed',
    next: /again/,
  });
  t.equal(await images.inspect(ref), undefined);
  t.same(
    await images.load(Readable.from([await archiveOf(ref, layer, layer)])),
    [ref],
    'the sound one loads',
  );
  await images.remove(ref);
});

t.test('a truncated archive is an error', async (t) => {
  await images.remove(lab.image);
  const { size } = await stat(archive);
  const half = createReadStream(archive, { end: Math.floor(size / 2) });
  await t.rejects(images.load(half), { code: 'engine.load-failed' });
  t.equal(await images.inspect(lab.image), undefined);
  await images.load(createReadStream(archive));
});

t.test('what is no archive at all is an error, not success', async (t) => {
  await t.rejects(images.load(Readable.from([Buffer.alloc(100_000, 'x')])), { code: 'engine.load-failed' });
  await t.rejects(images.load(Readable.from([])), { code: 'engine.load-failed' });
});

t.test('a source that fails half way fails the load with its own error', async (t) => {
  async function* failing(): AsyncGenerator<Buffer> {
    const file = await open(archive);
    try {
      yield (await file.read({ buffer: Buffer.alloc(100_000) })).buffer;
    } finally {
      await file.close();
    }
    throw new Error('the disk went away');
  }
  await t.rejects(images.load(Readable.from(failing())), { message: 'the disk went away' });
});

t.test('a load is cut by its signal', async (t) => {
  const control = new AbortController();
  async function* endless(): AsyncGenerator<Buffer> {
    yield (await readFile(archive)).subarray(0, 600);
    await new Promise((resolve) => setTimeout(resolve, 300));
    control.abort(new Error('enough'));
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  await t.rejects(images.load(Readable.from(endless()), { signal: control.signal }), { message: 'enough' });
});

t.test('a pull from a registry that is not there is an error with the engine’s reason', async (t) => {
  await t.rejects(images.pull('127.0.0.1:1/nothing/here:1'), {
    code: 'engine.refused',
    message: /pull image "127\.0\.0\.1:1\/nothing\/here:1".*refused/,
  });
});

t.test('layers that the engine has are counted from the first on', async (t) => {
  const { diffIds } = (await images.inspect(lab.image))!;
  const other = `sha256:${createHash('sha256').update(lab.id).digest('hex')}`;
  t.equal(await images.layerChainKnown(diffIds), 1);
  t.equal(await images.layerChainKnown([...diffIds, other]), 1);
  t.equal(await images.layerChainKnown([other, ...diffIds]), 0, 'a layer below makes it another chain');
});

t.test('the engine is a source of images for bundles', async (t) => {
  const source = engineImageSource(lab.engine);
  const image = await images.inspect(lab.image);
  t.match(await source.resolve(lab.image), { id: image?.id, diffIds: image?.diffIds, os: 'linux' });
  const unknownId = `sha256:${'0'.repeat(64)}`;
  await t.rejects(source.resolve(unknownId), { code: 'engine.not-found', next: /docker load/ });
  const names = await run('tar', ['--list', '--file', '-'], {
    stdin: await bytesOf(await source.export([lab.image])),
  });
  t.match(names.stdout, /manifest\.json/);
  await t.rejects(source.export([`none:${lab.id}`]), { code: 'engine.not-found' });
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[100_000]! ^= 0xff;
  return copy;
}

/** A `docker save` archive that promises one layer and holds another. */
async function archiveOf(ref: string, promised: Buffer, held: Buffer): Promise<Buffer> {
  const diffId = `sha256:${createHash('sha256').update(promised).digest('hex')}`;
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { 'dev.onstead.test': lab.id } },
    rootfs: { type: 'layers', diff_ids: [diffId] },
  };
  const text = JSON.stringify(config);
  const name = `${createHash('sha256').update(text).digest('hex')}.json`;
  const manifest = [{ Config: name, RepoTags: [ref], Layers: ['layer.tar'] }];
  return tarOf('archive', {
    [name]: Buffer.from(text),
    'layer.tar': held,
    'manifest.json': Buffer.from(JSON.stringify(manifest)),
  });
}

async function tarOf(name: string, files: Readonly<Record<string, Buffer>>): Promise<Buffer> {
  const folder = await mkdtemp(join(lab.folder, `${name}-`));
  for (const [file, bytes] of Object.entries(files)) await writeFile(join(folder, file), bytes);
  await run('tar', ['--create', '--file', `${folder}.tar`, '--directory', folder, ...Object.keys(files)]);
  return readFile(`${folder}.tar`);
}

async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
