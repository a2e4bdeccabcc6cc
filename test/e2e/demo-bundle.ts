// Bundles of the sample app's releases for tests, signed with a key made for this checkout. They are kept in
// .cache/test by what went into them, so that only the first run builds them.

import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { releaseCompose } from '../../compose/sample-app/releases.ts';
import { connectEngine, engineImageSource } from '../../src/engine/index.ts';
import { buildBundle, keygen, parseRelease, readSecretKey, type DeltaBase } from '../../src/release/index.ts';

const cache = new URL('../../.cache/test/', import.meta.url).pathname;
const keyFile = join(cache, 'test.key');
export const publicKeyFile = join(cache, 'test.pub');

/** Repository that the default stack names → the demo image that stands in for it. */
const STAND_INS: Readonly<Record<string, string>> = {
  mysql: 'onstead-demo/mysql',
  redis: 'onstead-demo/redis',
  nginx: 'onstead-demo/nginx',
  'pgsty/silo': 'onstead-demo/object-store',
};

const repositoryOf = (image: string): string => image.split(':')[0]!;

export interface DemoBundle {
  readonly path: string;
  readonly publicKey: string;
  readonly version: string;
}

/** Onstead itself, to travel in a bundle. */
export interface DemoProgram {
  readonly folder: string;
  readonly installerFile: string;
  /** Tells this one from others in the cache. */
  readonly mark: string;
}

/**
 * The bundle of one release of the sample app; `edit` changes its Compose file. Without a program unless one is given,
 * and a full one unless it has bases.
 */
export async function demoBundle(
  name = '1.0.0',
  edit: (composeText: string) => string = (text) => text,
  program?: DemoProgram,
  bases: readonly DeltaBase[] = [],
): Promise<DemoBundle> {
  await mkdir(cache, { recursive: true });
  await ensureKey();
  const engine = await connectEngine();
  const composeText = edit(withoutLameDuck(releaseCompose(name)));
  const release = parseRelease(composeText, 'compose.yaml');
  const overrides = Object.fromEntries(
    await Promise.all(
      release.services
        .filter(({ image }) => repositoryOf(image) in STAND_INS)
        .map(
          async ({ name, image }) =>
            [name, await newestTag(engine, STAND_INS[repositoryOf(image)]!)] as const,
        ),
    ),
  );
  const ids = await Promise.all(
    release.services.map(
      async ({ name: service, image }) => (await engine.images.inspect(overrides[service] ?? image))?.id,
    ),
  );
  const secret = await readFile(keyFile, 'utf8');
  const mark = createHash('sha256')
    .update(
      JSON.stringify([composeText, ids, secret, ...(program === undefined ? [] : [program.mark]), ...bases]),
    )
    .digest('hex')
    .slice(0, 12);
  const path = join(cache, `notes-${name}-${mark}.tar`);
  const bundle = { path, publicKey: publicKeyFile, version: release.version };
  if (await exists(path)) return bundle;
  await buildBundle({
    composeText,
    composeFile: 'compose.yaml',
    imageSource: engineImageSource(engine),
    imageOverrides: overrides,
    platform: `linux/${(await engine.info()).architecture}`,
    secretKey: await readSecretKey(secret),
    ...(program === undefined ? {} : { daemonFolder: program.folder, installerFile: program.installerFile }),
    bases,
    createdAt: new Date('2026-11-01T00:00:00Z'),
    outPath: path,
    cacheFolder: join(cache, 'layers'),
  });
  return bundle;
}

/** An app that stops at once when it is told to forgives an edge nothing that still asks it, and takes less time. */
function withoutLameDuck(composeText: string): string {
  return composeText.replace(/^( +)DRAIN_SECONDS: .*$/m, "$&\n$1LAME_DUCK_SECONDS: '0'");
}

async function ensureKey(): Promise<void> {
  if (await exists(keyFile)) return;
  const pair = await keygen();
  await writeFile(`${publicKeyFile}.new`, pair.publicKey);
  await writeFile(`${keyFile}.new`, pair.secretKey, { mode: 0o600 });
  await rename(`${publicKeyFile}.new`, publicKeyFile);
  await rename(`${keyFile}.new`, keyFile);
}

async function newestTag(
  engine: Awaited<ReturnType<typeof connectEngine>>,
  repository: string,
): Promise<string> {
  const images = await engine.images.list({ reference: repository });
  const tag = images.flatMap(({ repoTags }) => repoTags).find((one) => one.startsWith(`${repository}:`));
  if (tag === undefined)
    throw new Error(`There is no ${repository} image; run: node_modules/.bin/node compose/images/build.ts`);
  return tag;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
