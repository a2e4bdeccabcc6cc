// Deltas on a real engine: what they leave out is taken from what is there, and what is not there is told before
// anything is sent.

import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { pack } from 'tar-stream';
import { run } from '../../src/base/process.ts';
import { refuseMissingBase } from '../../src/deploy/delta-base.ts';
import type { ImagePin } from '../../src/deploy/install-plan.ts';
import { loadImagesStep } from '../../src/deploy/steps/image-step.ts';
import type { DeployTools } from '../../src/deploy/tools.ts';
import { connectEngine, engineImageSource, type Engine } from '../../src/engine/index.ts';
import type { StepContext } from '../../src/journal/index.ts';
import {
  baseOfBundle,
  baseOfFingerprint,
  buildBundle,
  fingerprintOf,
  fingerprintText,
  keygen,
  openBundle,
  readFingerprint,
  readPublicKey,
  readSecretKey,
  type BundleIndex,
  type DeltaBase,
  type VerifiedBundle,
} from '../../src/release/index.ts';
import { imageNameFor } from '../../src/stack/index.ts';
import { runCommand } from '../e2e/appliance.ts';

const folder = await mkdtemp(join(tmpdir(), 'onstead-delta-'));
const mark = randomBytes(4).toString('hex');
const project = `delta-${mark}`;
const BASE = `onstead-test-delta/base:${mark}`;
const appOf = (version: string): string => `onstead-test-delta/app:${version}-${mark}`;
const tags = new Set([BASE]);
const engine = await connectEngine();
const pair = await keygen();
const trustedKeys = [readPublicKey(pair.publicKey)];
const secretKey = await readSecretKey(pair.secretKey);
const at = (name: string): string => join(folder, name);

async function forgetAll(): Promise<void> {
  for (const tag of tags) await engine.images.remove(tag, { force: true });
}

t.teardown(async () => {
  await forgetAll();
  await rm(folder, { recursive: true, force: true });
});

async function makeImages(): Promise<void> {
  const tar = pack();
  tar.entry({ name: 'base.txt' }, `base ${mark}\n`);
  tar.entry({ name: 'noise' }, randomBytes(3_000_000));
  tar.finalize();
  await writeFile(at('base.tar'), await buffer(tar));
  await run('docker', ['import', at('base.tar'), BASE]);
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
    const context = at(`context-${version}`);
    await mkdir(context);
    await writeFile(join(context, 'app.txt'), `app ${version} ${mark}\n`);
    await writeFile(join(context, 'packages'), randomBytes(50_000).fill(mark));
    await writeFile(
      join(context, 'Dockerfile'),
      `FROM ${BASE}\nCOPY packages /packages\nCOPY app.txt /app.txt\nCMD ["/none"]\n`,
    );
    await run('docker', ['build', '-q', '-t', appOf(version), context], {
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
    });
    tags.add(appOf(version));
  }
}

const composeOf = (version: string): string => `name: notes
x-onstead: { version: ${version} }
services:
  app: { image: "${appOf(version)}", x-onstead: { role: app, port: 80, health: /h, ready: /r } }
  nginx: { image: "example.com/edge/nginx:1.30", x-onstead: { role: nginx } }
`;

const build = (version: string, name: string, bases: readonly DeltaBase[] = []) =>
  buildBundle({
    composeText: composeOf(version),
    composeFile: 'compose.yaml',
    imageSource: engineImageSource(engine),
    imageOverrides: { nginx: BASE },
    platform: 'linux/amd64',
    secretKey,
    createdAt: new Date('2026-11-20T00:00:00Z'),
    outPath: at(name),
    cacheFolder: at('cache'),
    bases,
  });

const open = (name: string): Promise<VerifiedBundle> => openBundle(at(name), { trustedKeys });

const pinsOf = (index: BundleIndex): ImagePin[] =>
  index.images.map((image) => ({
    service: image.services[0]!,
    tag: imageNameFor(project, image),
    configDigest: image.configDigest,
    diffIds: image.layers.map(({ diffId }) => diffId),
  }));

/** The step as an operation runs it. Resolves with the number of bytes that were sent. */
async function load(name: string, on: Engine = engine): Promise<number> {
  await using bundle = await open(name);
  const images = pinsOf(bundle.index);
  for (const { tag } of images) tags.add(tag);
  let sent = 0;
  const context = {
    signal: new AbortController().signal,
    progress: ({ done }: { done: number }) => void (sent = done),
  } as unknown as StepContext; // what the step uses of it
  const input = { bundle: { path: bundle.path, id: '' }, images, missing: images.map(({ tag }) => tag) };
  await loadImagesStep(toolsFor(bundle, on)).apply(input, context);
  return sent;
}

function toolsFor(bundle: VerifiedBundle, on: Engine): DeployTools {
  const use = (_reference: unknown, _options: unknown, work: (one: VerifiedBundle) => unknown) =>
    work(bundle);
  const paths = { state: at('state') };
  return { engine: async () => on, bundles: { use }, paths } as unknown as DeployTools; // what the step uses of them
}

async function plan(name: string): Promise<void> {
  await using bundle = await open(name);
  await refuseMissingBase(toolsFor(bundle, engine), bundle);
}

/** Everything of it is in the store under its name, and is what was signed. */
async function isLoaded({ images }: BundleIndex): Promise<boolean> {
  const { containerdStore } = await engine.info();
  const found = await Promise.all(
    images.map(async (image) => (await engine.images.inspect(imageNameFor(project, image)))?.id),
  );
  return images.every(({ configDigest }, nth) =>
    containerdStore ? found[nth] !== undefined : found[nth] === configDigest,
  );
}

async function contentOf({ images }: BundleIndex, path: string): Promise<string> {
  const app = images.find(({ services }) => services.includes('app'))!;
  const { stdout: id } = await run('docker', ['create', imageNameFor(project, app), '/none']);
  try {
    await run('docker', ['cp', `${id.trim()}:${path}`, at('copied')]);
    return await readFile(at('copied'), 'utf8');
  } finally {
    await run('docker', ['rm', id.trim()]);
  }
}

await makeImages();
const first = await build('1.0.0', 'first.tar');
const full = await build('1.1.0', 'full.tar');
const second = await build('1.1.0', 'delta.tar', [baseOfBundle('first.tar', first.index)]);
const third = await build('1.2.0', 'third.tar', [baseOfBundle('delta.tar', second.index)]);

t.test('a full bundle, then a delta of its app: the image is the one that was signed', async (t) => {
  await forgetAll();
  const whole = await load('first.tar');
  t.ok(whole > 3_000_000);
  t.ok(second.sizeBytes < full.sizeBytes / 20, `${second.sizeBytes} of ${full.sizeBytes} bytes`);
  await plan('delta.tar');
  t.ok((await load('delta.tar')) < 50_000);
  t.ok(await isLoaded(second.index));
  t.equal(await contentOf(second.index, '/app.txt'), `app 1.1.0 ${mark}\n`);
  t.equal(await contentOf(second.index, '/base.txt'), `base ${mark}\n`, 'the base comes from what was there');
});

t.test('a delta on a delta', async (t) => {
  await forgetAll();
  await load('first.tar');
  await t.resolves(
    plan('third.tar'),
    'what 1.1.0 brought by itself is not in it: only the app, which differs',
  );
  await load('delta.tar');
  await load('third.tar');
  t.ok(await isLoaded(third.index));
  t.equal(await contentOf(third.index, '/app.txt'), `app 1.2.0 ${mark}\n`);
});

t.test('layers that are there are not sent again from a full bundle either', async (t) => {
  await forgetAll();
  await load('first.tar');
  t.ok((await load('full.tar')) < 50_000);
  t.ok(await isLoaded(full.index));
});

t.test('a failed version can be uploaded again', async (t) => {
  await forgetAll();
  await load('first.tar');
  await load('delta.tar');
  const [image] = second.index.images;
  await engine.images.remove(imageNameFor(project, image!));
  await plan('delta.tar');
  await load('delta.tar');
  t.ok(await isLoaded(second.index));
});

/** What the appliance would print, of the images that Onstead brought. */
async function fingerprintHere(): Promise<string> {
  const { version, architecture } = await engine.info();
  return fingerprintText(
    fingerprintOf({
      made: '2026-11-21T12:00:00.000Z',
      onstead: '0.1.0',
      engine: version,
      store: 'classic',
      arch: architecture,
      installed: { product: 'notes', version: '1.0.0' },
      kept: ['1.0.0'],
      chains: await engine.images.layerChains({ reference: `onstead.local/${project}/*` }),
    }),
  );
}

/** The vendor's engine, which has the images to build from. */
async function bringBackSources(): Promise<void> {
  await run('docker', ['load', '-i', at('full.tar')]);
  for (const { contentTag, services } of full.index.images) {
    tags.add(contentTag);
    await run('docker', ['tag', contentTag, services.includes('app') ? appOf('1.1.0') : BASE]);
  }
}

t.test('a fingerprint goes out and a delta comes back that fits exactly', async (t) => {
  await forgetAll();
  await load('first.tar');
  const text = await fingerprintHere();
  t.ok(text.length < 2000, `${text.length} bytes`);
  await bringBackSources();
  const cut = await build('1.1.0', 'cut.tar', [baseOfFingerprint('f.json', readFingerprint(text))]);
  t.strictSame(cut.index.omits, second.index.omits);
  await forgetAll();
  await load('first.tar');
  await plan('cut.tar');
  await load('cut.tar');
  t.ok(await isLoaded(cut.index));
});

t.test('`onstead bundle` cuts, shows and verifies deltas', async (t) => {
  await forgetAll();
  await load('first.tar');
  await writeFile(at('mail.txt'), (await fingerprintHere()).replace(/^/gm, '> '));
  await writeFile(at('torn.txt'), (await fingerprintHere()).slice(0, 300));
  await bringBackSources();
  await writeFile(at('compose.yaml'), composeOf('1.1.0'));
  await writeFile(at('vendor.key'), pair.secretKey, { mode: 0o600 });
  await writeFile(at('vendor.pub'), pair.publicKey);
  const main = new URL('../../src/main.ts', import.meta.url).pathname;
  const onstead = (...words: string[]) => runCommand(process.execPath, [main, 'bundle', ...words], {});
  const cut = (...words: string[]) =>
    onstead(
      'build',
      at('compose.yaml'),
      '--key',
      at('vendor.key'),
      '--out',
      at('cli.tar'),
      '--without-daemon',
      '--image',
      `nginx=${BASE}`,
      ...words,
    );
  const ways = [
    ['--from', at('first.tar')],
    ['--for', at('mail.txt')],
  ];
  for (const way of ways) {
    const built = await cut(...way);
    t.equal(built.code, 0, built.stderr);
    t.match(built.stdout, /A delta on 1\.0\.0: it leaves out 2 layers \(.*\), which must be there\./);
  }
  t.match((await onstead('inspect', at('cli.tar'))).stdout, /needs 2 of 3 layers .*needs all \(/s);
  const verify = () => onstead('verify', at('cli.tar'), '--trust', at('vendor.pub'));
  t.match(await verify(), { code: 0, stdout: /Every layer that it leaves out is on this machine/ });
  const mistakes: [string[], number, RegExp][] = [
    [['--for', at('torn.txt')], 3, /torn\.txt cannot be used/],
    [['--for', at('none.txt')], 2, /none\.txt cannot be read/],
    [['--from', at('none.tar')], 3, /no such file/],
    [['--from', at('first.tar'), '--for', at('mail.txt')], 2, /two things/],
    [['--from', at('third.tar')], 3, /third\.tar is no base: .*older/],
  ];
  for (const [words, code, sentence] of mistakes) {
    const refused = await cut(...words);
    t.equal(refused.code, code, words.join(' '));
    t.match(refused.stderr, sentence);
    t.match(refused.stderr, /^error: .*\nnext: .*\n$/);
  }
  await forgetAll();
  t.match(await verify(), {
    code: 3,
    stderr: /layers that it leaves out are not on this machine: 2 of 3 of app/,
  });
});

t.test('a base that was cleared away is told when planning, with the way out', async (t) => {
  await forgetAll();
  await t.rejects(plan('delta.tar'), {
    code: 'bundle.base-missing',
    message: /builds on 1\.0\.0.*not on this machine: 2 of 3 of app \(.*\); 1 of 1 of nginx/,
    next: /full bundle of 1\.1\.0.*onstead fingerprint/,
  });
});

t.test('a base that was pruned after planning is told before anything is sent', async (t) => {
  await forgetAll();
  await load('first.tar');
  await plan('delta.tar');
  await forgetAll();
  await t.rejects(load('delta.tar'), { code: 'bundle.base-missing' });
  t.notOk(await isLoaded(second.index));
  t.strictSame(await engine.images.list({ reference: `onstead.local/${project}/*` }), []);
});

/** An engine as it is when somebody prunes it right after it was asked what it has. */
function prunedAfterLook(stale: readonly (readonly string[])[]): Engine {
  let looks = 0;
  const images = new Proxy(engine.images, {
    get(target, key) {
      if (key === 'layerChains') {
        return async () => ((looks += 1) === 1 ? stale : target.layerChains());
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return new Proxy(engine, {
    get: (target, key) => (key === 'images' ? images : Reflect.get(target, key, target)),
  });
}

t.test(
  'a base that is pruned while the images are sent: a delta says so, a full bundle sends it',
  async (t) => {
    await forgetAll();
    const stale = first.index.images.map(({ layers }) => layers.map(({ diffId }) => diffId));
    await t.rejects(load('delta.tar', prunedAfterLook(stale)), { code: 'bundle.base-missing' });
    t.notOk(await isLoaded(second.index));
    await load('full.tar', prunedAfterLook(stale));
    t.ok(await isLoaded(full.index));
  },
);

t.test('plain docker load takes a delta where its base is, and loads nothing where it is not', async (t) => {
  for (const { contentTag } of second.index.images) tags.add(contentTag);
  const app = second.index.images.find(({ services }) => services.includes('app'))!;
  await forgetAll();
  await t.rejects(run('docker', ['load', '-i', at('delta.tar')]));
  t.equal(await engine.images.inspect(app.contentTag), undefined);
  await load('first.tar');
  await run('docker', ['load', '-i', at('delta.tar')]);
  t.equal((await engine.images.inspect(app.contentTag))?.id, app.configDigest);
});

t.test('minisign and sha256sum verify a delta without Onstead', async (t) => {
  const cwd = at('unpacked');
  await mkdir(cwd);
  await run('tar', ['-xf', at('delta.tar')], { cwd });
  await writeFile(at('vendor.pub'), pair.publicKey);
  await run('minisign', ['-Vm', 'SHA256SUMS', '-p', at('vendor.pub')], { cwd });
  const sums = await run('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd });
  t.equal(sums.stdout.trim().split('\n').length, second.index.files.length + 1);
});

/** This engine, loaded as one whose store is containerd's: every layer of an image has to be in the archive. */
const asContainerd: Engine = new Proxy(engine, {
  get: (target, key) =>
    key === 'info'
      ? async () => ({ ...(await target.info()), containerdStore: true })
      : Reflect.get(target, key, target),
});

t.test('for a store that builds on no chains, the engine gives the layers back', async (t) => {
  await forgetAll();
  await load('first.tar');
  t.ok((await load('delta.tar', asContainerd)) > 3_000_000, 'all of it was sent');
  t.ok(await isLoaded(second.index));
  t.equal(await contentOf(second.index, '/base.txt'), `base ${mark}\n`);
  t.strictSame(await readdir(at('state')), [], 'nothing is left behind');
  await forgetAll();
  await t.rejects(load('delta.tar', asContainerd), { code: 'bundle.base-missing' });
});

t.test('a layer that is there, but on another one, is not taken for the base', async (t) => {
  await forgetAll();
  const other = `onstead-test-delta/other:${mark}`;
  tags.add(other);
  // The same packages on another base: their layer is in the store, but under another chain.
  await run('sh', ['-c', `tar -cf - -C ${at('context-1.0.0')} app.txt | docker import - ${other}`]);
  const [otherBase] = (await engine.images.inspect(other))!.diffIds;
  const chain = first.index.images[0]!.layers.map(({ diffId }) => diffId);
  await load('first.tar');
  const pin = imageNameFor(project, first.index.images[0]!);
  await run('sh', ['-c', `mkdir ${at('mix')} && docker save ${pin} ${other} | tar -xf - -C ${at('mix')}`]);
  await run('node', ['-e', MIX, at('mix'), other], { env: process.env });
  await forgetAll();
  await run('sh', ['-c', `tar -cf - -C ${at('mix')} . | docker load`]);
  t.strictSame((await engine.images.inspect(other))?.diffIds, [otherBase, ...chain.slice(1)]);
  await t.rejects(plan('delta.tar'), { code: 'bundle.base-missing', message: /2 of 3 of app/ });
  await t.rejects(load('delta.tar'), { code: 'bundle.base-missing' });
});

/** In a `docker save`: the layers of the first image, on the layer of the second, under the second's name. */
const MIX = `
const fs = require('fs'), { createHash } = require('crypto');
const [folder, name] = process.argv.slice(1);
const list = JSON.parse(fs.readFileSync(folder + '/manifest.json'));
const other = list.find((one) => one.RepoTags.includes(name)), app = list.find((one) => one !== other);
const read = (one) => JSON.parse(fs.readFileSync(folder + '/' + one.Config));
const config = read(other), layers = [other.Layers[0], ...app.Layers.slice(1)];
config.rootfs.diff_ids = [config.rootfs.diff_ids[0], ...read(app).rootfs.diff_ids.slice(1)];
config.history = layers.map(() => ({ created: config.created }));
const text = JSON.stringify(config), file = createHash('sha256').update(text).digest('hex') + '.json';
fs.writeFileSync(folder + '/' + file, text);
fs.writeFileSync(folder + '/manifest.json', JSON.stringify([{ Config: file, RepoTags: [name], Layers: layers }]));
fs.rmSync(folder + '/repositories', { force: true });
`;

t.test('a damaged delta is refused before the engine is asked anything', async (t) => {
  const bytes = await readFile(at('delta.tar'));
  for (const where of [0.3, 0.6, 0.9]) {
    const wrong = Buffer.from(bytes);
    wrong[Math.floor(bytes.length * where)]! ^= 1;
    await writeFile(at('damaged.tar'), wrong);
    await t.rejects(plan('damaged.tar'), { code: /^bundle\.(damaged|tar|index)$/ });
  }
  await writeFile(at('damaged.tar'), bytes.subarray(0, bytes.length - 2048));
  await t.rejects(plan('damaged.tar'), { code: 'bundle.truncated' });
});
