// What a delta leaves out, and what a machine then lacks: arithmetic over chains of layers, and bundles made by it.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import {
  baseOfBundle,
  baseOfFingerprint,
  fingerprintOf,
  lackingImages,
  openBundle,
} from '../../../src/release/index.ts';
import type { BundleImage, BundleIndex, DeltaBase } from '../../../src/release/index.ts';
import { baseMissing, knownLayers, omittableLayers, omitsFor } from '../../../src/release/delta.ts';
import { buildTiny, COMPOSE, IMAGES, publicKey, sourceOf, tempFolder } from './bundle-fixture.ts';
import type { TinyImage } from './bundle-fixture.ts';

const trusted = { trustedKeys: [publicKey], arch: 'amd64' };

const imageOf = (service: string, ...diffIds: string[]): BundleImage =>
  ({
    reference: service,
    services: [service],
    layers: diffIds.map((diffId) => ({ diffId, digest: `gz-${diffId}`, sizeBytes: 10, unpackedBytes: 20 })),
  }) as unknown as BundleImage; // what this arithmetic reads of it

t.test('only an unbroken start from the bottom counts as known', async (t) => {
  t.equal(knownLayers(['a', 'b', 'c'], [['a', 'b', 'x']]), 2);
  t.equal(knownLayers(['a', 'b'], [['a', 'b', 'c']]), 2);
  t.equal(
    knownLayers(
      ['a', 'b'],
      [
        ['b', 'a'],
        ['x', 'a', 'b'],
      ],
    ),
    0,
  );
  t.equal(knownLayers(['a'], []), 0);
  t.equal(knownLayers([], [['a']]), 0);
});

t.test('a layer is left out only if no image of the release needs its file', async (t) => {
  t.strictSame([...omittableLayers([['a', 'b', 'c']], [['a', 'b', 'x']])], ['a', 'b']);
  t.strictSame(
    [
      ...omittableLayers(
        [
          ['a', 'b'],
          ['x', 'b'],
        ],
        [['a', 'b']],
      ),
    ],
    ['a'],
    'b stands on another chain too',
  );
  t.strictSame([...omittableLayers([['e', 'a', 'e']], [['e', 'a']])], ['a'], 'the empty layer comes again');
  t.strictSame([...omittableLayers([['a', 'b']], [['a'], ['a', 'b']])], ['a', 'b'], 'the longest counts');
});

t.test('against several releases only what each of them has is left out', async (t) => {
  const images = [imageOf('app', 'a', 'b', 'c'), imageOf('db', 'a', 'd')];
  t.strictSame(omitsFor(images, []), []);
  t.strictSame(
    omitsFor(images, [
      [
        ['a', 'b'],
        ['a', 'd'],
      ],
    ]),
    ['gz-a', 'gz-b', 'gz-d'],
  );
  t.strictSame(
    omitsFor(images, [
      [
        ['a', 'b'],
        ['a', 'd'],
      ],
      [['a', 'b']],
    ]),
    ['gz-a', 'gz-b'],
  );
  t.strictSame(omitsFor(images, [[['a', 'b']], []]), [], 'one that has nothing gets all');
});

t.test('what is missing is told by image, and only what was left out can be missing', async (t) => {
  const index = {
    title: 'Notes',
    version: '1.1.0',
    from: ['1.0.0', '1.0.1'],
    images: [imageOf('app', 'a', 'b', 'c'), imageOf('db', 'a', 'd')],
    omits: ['gz-a', 'gz-b'],
  };
  t.strictSame(lackingImages(index, [['a', 'b']]), []);
  const lacking = lackingImages(index, [['a'], ['b', 'c'], ['x', 'a', 'b']]);
  t.strictSame(
    lacking.map(({ services, missing }) => [services, missing.map(({ diffId }) => diffId)]),
    [[['app'], ['b']]],
    'b is there, but on no chain from the bottom',
  );
  const error = baseMissing(index, lacking);
  t.match(error, {
    code: 'bundle.base-missing',
    message: /delta of Notes 1\.1\.0 builds on 1\.0\.0 or 1\.0\.1.*1 of 3 of app \(10 B\)\.$/,
    next: /full bundle of 1\.1\.0.*onstead fingerprint/,
    details: [{ diffId: 'b', digest: 'gz-b', reference: 'app' }],
  });
  t.equal(lackingImages(index, []).length, 2);
});

// --- bundles ---

const [app, nginx] = IMAGES as [TinyImage, TinyImage];
const APP_2 = { ...app, layers: [...app.layers.slice(0, -1), { 'app/new.txt': 'of the second' }] };
const SECOND = COMPOSE.replace('version: 1.0.0', 'version: 1.1.0');

async function daemonIn(folder: string, text = 'the program'): Promise<string> {
  const daemon = join(folder, `daemon-${text.length}`);
  await mkdir(join(daemon, 'bin'), { recursive: true });
  await writeFile(join(daemon, 'package.json'), '{"name":"onstead","version":"0.1.0"}');
  await writeFile(join(daemon, 'bin/onstead'), text);
  return daemon;
}

async function twoReleases(folder: string, daemonFolder?: string) {
  const given = daemonFolder === undefined ? {} : { daemonFolder };
  const first = await buildTiny(folder, { ...given, outPath: join(folder, 'one.tar') });
  const delta = (bases: readonly DeltaBase[], change = {}) =>
    buildTiny(folder, {
      ...given,
      composeText: SECOND,
      imageSource: sourceOfSecond,
      outPath: join(folder, 'delta.tar'),
      bases,
      ...change,
    });
  const sourceOfSecond = await sourceOf([APP_2, nginx]);
  return { first, delta, base: baseOfBundle('one.tar', first.index) };
}

t.test('a delta leaves out what the earlier bundle has, lists all of it, and verifies', async (t) => {
  const folder = await tempFolder(t.teardown);
  const { delta, base } = await twoReleases(folder, await daemonIn(folder));
  const full = await delta([], { outPath: join(folder, 'full.tar') });
  const built = await delta([base]);
  t.strictSame(built.index.from, ['1.0.0']);
  t.strictSame(built.index.images, full.index.images, 'the index still lists every layer');
  t.equal(built.index.onstead, '0.1.0');
  t.equal(built.index.program?.digest, base.program, 'the same Onstead is left out');
  const blobs = (index: BundleIndex) => index.files.filter(({ kind }) => kind === 'blob').length;
  t.equal(blobs(full.index) - blobs(built.index), built.index.omits.length);
  t.equal(built.index.omits.length, 3, 'the base, the packages and the configuration of nginx');
  t.notOk(built.index.files.some(({ kind }) => kind === 'daemon'));
  await using bundle = await openBundle(built.path, trusted);
  t.strictSame(bundle.index, built.index);
  t.strictSame(lackingImages(bundle.index, base.chains), []);
  t.throws(() => bundle.imageArchive(), { code: 'bundle.incomplete' });
});

t.test('a delta can be the base of the next one', async (t) => {
  const folder = await tempFolder(t.teardown);
  const { delta, base } = await twoReleases(folder, await daemonIn(folder));
  const second = await delta([base]);
  const third = await delta([baseOfBundle('delta.tar', second.index)], {
    composeText: COMPOSE.replace('version: 1.0.0', 'version: 1.2.0'),
    outPath: join(folder, 'third.tar'),
  });
  t.strictSame(third.index.from, ['1.1.0']);
  t.equal(third.index.omits.length, 4, 'also what the second brought by itself');
  t.equal(third.index.program?.digest, base.program, 'what it left out is there nevertheless');
  await (await openBundle(third.path, trusted)).close();
});

t.test('another Onstead travels in the delta', async (t) => {
  const folder = await tempFolder(t.teardown);
  const { delta, base } = await twoReleases(folder, await daemonIn(folder));
  const built = await delta([base], { daemonFolder: await daemonIn(folder, 'another program') });
  t.equal(built.index.program, undefined);
  t.ok(built.index.files.some(({ kind }) => kind === 'daemon'));
  t.equal(built.index.omits.length, 3);
});

t.test('where nothing is in common the bundle is a full one', async (t) => {
  const folder = await tempFolder(t.teardown);
  const { delta, base } = await twoReleases(folder);
  const built = await delta([{ ...base, chains: [['sha256:other']] }]);
  t.strictSame([built.index.from, built.index.omits], [[], []]);
  await using bundle = await openBundle(built.path, trusted);
  t.ok(bundle.imageArchiveBytes() > 0);
});

t.test('a fingerprint cuts exactly what is missing there', async (t) => {
  const folder = await tempFolder(t.teardown);
  const { first, delta, base } = await twoReleases(folder);
  const facts = {
    made: '2026-11-21T12:00:00.000Z',
    onstead: '0.1.0',
    engine: '20.10.24',
    store: 'classic' as const,
    arch: 'amd64',
    kept: ['1.0.0'],
  };
  const installed = { product: 'notes', version: '1.0.0' };
  const whole = baseOfFingerprint('f.json', fingerprintOf({ ...facts, installed, chains: base.chains }));
  t.strictSame((await delta([whole])).index.omits, (await delta([base])).index.omits);
  const [appChain] = base.chains;
  const less = baseOfFingerprint(
    'f.json',
    fingerprintOf({ ...facts, installed, chains: [appChain!.slice(0, 1)] }),
  );
  const built = await delta([less]);
  t.strictSame(built.index.omits, [first.index.images[0]!.layers[0]!.digest]);
  t.throws(() => baseOfFingerprint('f.json', fingerprintOf({ ...facts, chains: [] })), {
    code: 'bundle.base',
    message: /Nothing is installed/,
    next: /full bundle/,
  });
});

t.test('a base that no appliance could come from is refused', async (t) => {
  const folder = await tempFolder(t.teardown);
  const { delta, base } = await twoReleases(folder);
  const wrong: [Partial<DeltaBase>, RegExp][] = [
    [{ product: 'pms' }, /one\.tar is no base: .*"notes".*"pms"/],
    [{ version: '2.0.0' }, /one\.tar is no base: .*older/],
    [{ arch: 'arm64' }, /one\.tar is for arm64/],
  ];
  for (const [change, message] of wrong) {
    await t.rejects(delta([{ ...base, ...change }]), { code: 'bundle.base', message });
  }
});
