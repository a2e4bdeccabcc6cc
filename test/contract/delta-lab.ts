// Three releases whose app changes on one base, as a full bundle and as deltas, and an engine to load them into. The
// images carry a mark of their own and are removed at the end.

import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
  buildBundle,
  fingerprintOf,
  fingerprintText,
  keygen,
  openBundle,
  readPublicKey,
  readSecretKey,
  type BundleIndex,
  type DeltaBase,
  type VerifiedBundle,
} from '../../src/release/index.ts';
import { imageNameFor } from '../../src/stack/index.ts';

const folder = await mkdtemp(join(tmpdir(), 'onstead-delta-'));
export const mark = randomBytes(4).toString('hex');
export const project = `delta-${mark}`;
export const BASE = `onstead-test-delta/base:${mark}`;
export const appOf = (version: string): string => `onstead-test-delta/app:${version}-${mark}`;
export const tags = new Set([BASE]);
export const engine = await connectEngine();
export const pair = await keygen();
const trustedKeys = [readPublicKey(pair.publicKey)];
const secretKey = await readSecretKey(pair.secretKey);
export const at = (name: string): string => join(folder, name);

export async function forgetAll(): Promise<void> {
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

export const composeOf = (version: string): string => `name: notes
x-onstead: { version: ${version} }
services:
  app: { image: "${appOf(version)}", x-onstead: { role: app, port: 80, health: /h, ready: /r } }
  nginx: { image: "example.com/edge/nginx:1.30", x-onstead: { role: nginx } }
`;

export const build = (version: string, name: string, bases: readonly DeltaBase[] = []) =>
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
export async function load(name: string, on: Engine = engine): Promise<number> {
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

export async function plan(name: string): Promise<void> {
  await using bundle = await open(name);
  await refuseMissingBase(toolsFor(bundle, engine), bundle);
}

/** Everything of it is in the store under its name, and is what was signed. */
export async function isLoaded({ images }: BundleIndex): Promise<boolean> {
  const { containerdStore } = await engine.info();
  const found = await Promise.all(
    images.map(async (image) => (await engine.images.inspect(imageNameFor(project, image)))?.id),
  );
  return images.every(({ configDigest }, nth) =>
    containerdStore ? found[nth] !== undefined : found[nth] === configDigest,
  );
}

export async function contentOf({ images }: BundleIndex, path: string): Promise<string> {
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
export const first = await build('1.0.0', 'first.tar');
export const full = await build('1.1.0', 'full.tar');
export const second = await build('1.1.0', 'delta.tar', [baseOfBundle('first.tar', first.index)]);
export const third = await build('1.2.0', 'third.tar', [baseOfBundle('delta.tar', second.index)]);

/** What the appliance would print, of the images that Onstead brought. */
export async function fingerprintHere(): Promise<string> {
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
export async function bringBackSources(): Promise<void> {
  await run('docker', ['load', '-i', at('full.tar')]);
  for (const { contentTag, services } of full.index.images) {
    tags.add(contentTag);
    await run('docker', ['tag', contentTag, services.includes('app') ? appOf('1.1.0') : BASE]);
  }
}
