// Bundles of small images: what is inside, that two builds are the same, that nothing is left behind.

import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { run } from '../../../src/base/process.ts';
import { inspectBundle, openBundle } from '../../../src/release/index.ts';
import type { BundleProgress } from '../../../src/release/index.ts';
import {
  buildTiny,
  COMPOSE,
  IMAGES,
  publicKey,
  sha256,
  sourceOf,
  tarOf,
  tempFolder,
} from './bundle-fixture.ts';
import type { Layout } from './bundle-fixture.ts';

const trusted = { trustedKeys: [publicKey], arch: 'amd64' };

for (const layout of ['legacy', 'oci-plain', 'oci-gzip'] satisfies Layout[]) {
  t.test(`a bundle from a ${layout} archive verifies, and says what it holds`, async (t) => {
    const folder = await tempFolder(t.teardown);
    const built = await buildTiny(folder, { imageSource: await sourceOf(IMAGES, layout) });
    t.strictSame(await readdir(folder), ['notes-1.0.0.tar'], 'nothing but the bundle');
    await using bundle = await openBundle(built.path, trusted);
    t.strictSame(bundle.index, built.index);
    t.equal(bundle.signedBy.keyId, publicKey.keyId);
    t.match(bundle.signedBy.trustedComment, 'notes 1.0.0 linux/amd64');
    t.strictSame(
      bundle.index.images.map(({ services, layers }) => [services, layers.length]),
      [
        [['app', 'jobs'], 3],
        [['nginx'], 2],
      ],
    );
    const [app, nginx] = bundle.index.images;
    t.equal(app!.layers[0]!.digest, nginx!.layers[0]!.digest, 'a shared layer is there once');
    t.equal(bundle.index.files.filter((file) => file.kind === 'blob').length, 2 + 2 + 4);
    t.equal(app!.contentTag, `example.com/notes/app:sha256-${app!.manifestDigest.slice(7, 27)}`);
  });

  t.test(`images of a ${layout} archive come out as they went in`, async (t) => {
    const folder = await tempFolder(t.teardown);
    const source = await sourceOf(IMAGES, layout);
    const built = await buildTiny(folder, { imageSource: source });
    await using bundle = await openBundle(built.path, trusted);
    const loaded = await buffer(bundle.imageArchive());
    t.equal(loaded.length, bundle.imageArchiveBytes());
    const again = await buildTiny(folder, {
      outPath: join(folder, 'again.tar'),
      imageSource: {
        resolve: async (reference) => ({
          ...(await source.resolve(reference)),
          id: bundle.index.images.find((one) => one.reference === reference)!.configDigest,
        }),
        export: async () => Readable.from([loaded]),
      },
    });
    t.strictSame(
      again.index.images.map(({ configDigest, layers }) => [configDigest, layers.map((one) => one.diffId)]),
      built.index.images.map(({ configDigest, layers }) => [configDigest, layers.map((one) => one.diffId)]),
    );
    const omitLayers = new Set([bundle.index.images[0]!.layers[0]!.diffId]);
    const less = await buffer(bundle.imageArchive(undefined, { omitLayers }));
    t.ok(less.length < loaded.length);
    t.equal(less.length, bundle.imageArchiveBytes(undefined, { omitLayers }));
  });
}

t.test(
  "a registry's own manifest and blobs are kept; without them the digest is that of what we wrote",
  async (t) => {
    const folder = await tempFolder(t.teardown);
    const kept = await sourceOf(IMAGES, 'oci-gzip');
    const built = await buildTiny(folder, { imageSource: kept });
    t.equal(built.index.images[0]!.manifestDigest, (await kept.resolve(IMAGES[0]!.reference)).id);
    const written = await buildTiny(folder, { outPath: join(folder, 'b.tar') });
    const digest = written.index.images[0]!.manifestDigest;
    t.not(digest, built.index.images[0]!.manifestDigest);
    await using bundle = await openBundle(join(folder, 'b.tar'), trusted);
    t.equal(`sha256:${sha256(await bundle.readText(`blobs/sha256/${digest.slice(7)}`))}`, digest);
  },
);

t.test('the release inside names digests, and is otherwise the file of the vendor', async (t) => {
  const folder = await tempFolder(t.teardown);
  const built = await buildTiny(folder);
  await using bundle = await openBundle(built.path, trusted);
  const text = await bundle.readText('release/compose.yaml');
  const [app, nginx] = built.index.images.map((image) => image.manifestDigest);
  t.equal(
    text,
    COMPOSE.replace('app:1.0.0 #', `app:1.0.0@${app}" #`)
      .replace('image: example', 'image: "example')
      .replace('app:1.0.0", x', `app:1.0.0@${app}", x`)
      .replace("'nginx:1.30.0'", `"nginx:1.30.0@${nginx}"`),
  );
  t.equal(bundle.release.services[0]?.image, `example.com/notes/app:1.0.0@${app}`);
  t.equal(await bundle.readText('release/notes.md'), 'The first one.');
});

t.test(
  'two builds give the same bytes, with and without a cache, and the second asks nothing of the engine',
  async (t) => {
    const folder = await tempFolder(t.teardown);
    const cacheFolder = join(folder, 'cache');
    const source = await sourceOf(IMAGES);
    const first = await buildTiny(folder, { cacheFolder, imageSource: source });
    const second = await buildTiny(folder, { cacheFolder, imageSource: source });
    const third = await buildTiny(folder);
    t.ok(first.bytes.equals(second.bytes));
    t.ok(first.bytes.equals(third.bytes));
    t.equal(source.exports, 1);
  },
);

t.test('a cache that rotted is noticed, and cured by building again', async (t) => {
  const folder = await tempFolder(t.teardown);
  const cacheFolder = join(folder, 'cache');
  const first = await buildTiny(folder, { cacheFolder });
  const blob = join(cacheFolder, 'blobs', first.index.images[0]!.layers[0]!.digest.slice(7));
  const bytes = await readFile(blob);
  bytes[20]! ^= 1;
  await writeFile(blob, bytes);
  await t.rejects(buildTiny(folder, { cacheFolder }), { code: 'bundle.cache', next: /again/ });
  t.ok((await buildTiny(folder, { cacheFolder })).bytes.equals(first.bytes));
});

t.test(
  'the list of software names what an image would really see, and the packages of Onstead',
  async (t) => {
    const folder = await tempFolder(t.teardown);
    const daemonFolder = await daemonIn(folder);
    const built = await buildTiny(folder, { daemonFolder });
    await using bundle = await openBundle(built.path, trusted);
    const sbom = JSON.parse(await bundle.readText('sbom.cdx.json'));
    t.match(sbom, {
      bomFormat: 'CycloneDX',
      specVersion: '1.5',
      metadata: { component: { name: 'notes', version: '1.0.0' } },
    });
    const [app, nginx, onstead] = sbom.components;
    const purls = (one: { components: { purl?: string }[] }) =>
      one.components.flatMap(({ purl }) => purl ?? []);
    t.strictSame(purls(app), [
      'pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12',
      'pkg:npm/%40a/b@2.0.0',
      'pkg:npm/left@1.2.3',
    ]);
    t.strictSame(purls(nginx), ['pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12']);
    t.match(onstead, { name: 'onstead', version: '0.1.0' });
    t.strictSame(purls(onstead), ['pkg:npm/pino@10.0.0']);
  },
);

async function daemonIn(folder: string): Promise<string> {
  const daemon = join(folder, 'daemon');
  await mkdir(
    join(
      daemon,
      'node_modules/pino/a-rather-long-folder-name/that-goes-on-and-on/until-it-is-longer-than-a-header',
    ),
    { recursive: true },
  );
  await mkdir(join(daemon, 'node_modules/.bin'));
  await writeFile(join(daemon, 'package.json'), '{"name":"onstead","version":"0.1.0"}');
  await writeFile(join(daemon, 'node'), 'a program', { mode: 0o755 });
  await writeFile(join(daemon, 'node_modules/pino/package.json'), '{"name":"pino","version":"10.0.0"}');
  await writeFile(
    join(
      daemon,
      'node_modules/pino/a-rather-long-folder-name/that-goes-on-and-on/until-it-is-longer-than-a-header/x.js',
    ),
    '1',
  );
  await symlink('../pino/package.json', join(daemon, 'node_modules/.bin/pino'));
  return daemon;
}

t.test("Onstead's own files travel along, and unpack as they were", async (t) => {
  const folder = await tempFolder(t.teardown);
  const daemonFolder = await daemonIn(folder);
  await writeFile(join(folder, 'install.sh'), '#!/bin/sh\n');
  const built = await buildTiny(folder, { daemonFolder, installerFile: join(folder, 'install.sh') });
  t.equal(built.index.onstead, '0.1.0');
  await using bundle = await openBundle(built.path, trusted);
  // As the installer does it, which has no more than a shell.
  const out = join(folder, 'out');
  await mkdir(join(out, '0.1.0'), { recursive: true });
  await run('tar', ['-xf', built.path, '-C', out, 'onstead/daemon.tar.gz', 'installer/install.sh']);
  await run('tar', ['-xzf', join(out, 'onstead/daemon.tar.gz'), '-C', join(out, '0.1.0')]);
  t.strictSame(
    (await readdir(join(out, '0.1.0'), { recursive: true })).sort(),
    (await readdir(daemonFolder, { recursive: true })).sort(),
  );
  t.equal(await readFile(join(out, '0.1.0/node'), 'utf8'), 'a program');
  t.equal(
    await readFile(join(out, '0.1.0/node_modules/.bin/pino'), 'utf8'),
    '{"name":"pino","version":"10.0.0"}',
  );
  t.equal(await readFile(join(out, 'installer/install.sh'), 'utf8'), '#!/bin/sh\n');
  t.equal(await bundle.readText('installer/install.sh'), '#!/bin/sh\n');
  await t.rejects(bundle.readText('nothing'), { code: 'bundle.incomplete' });
});

t.test('a folder with a link out of it does not become part of a bundle', async (t) => {
  const folder = await tempFolder(t.teardown);
  const daemonFolder = await daemonIn(folder);
  await symlink('../../etc/passwd', join(daemonFolder, 'out'));
  await t.rejects(buildTiny(folder, { daemonFolder }), { code: 'bundle.daemon', message: /links out/ });
  t.strictSame(await readdir(folder), ['daemon']);
});

t.test('an image of another architecture, or one given for no service, is refused', async (t) => {
  const folder = await tempFolder(t.teardown);
  await t.rejects(buildTiny(folder, { platform: 'linux/arm64' }), {
    code: 'bundle.arch',
    next: /linux\/arm64/,
  });
  await t.rejects(buildTiny(folder, { platform: 'windows/amd64' }), { code: 'bundle.platform' });
  await t.rejects(buildTiny(folder, { imageOverrides: { ap: 'x:1' } }), { code: 'bundle.override' });
  t.strictSame(await readdir(folder), []);
});

t.test('a path that cannot be read or written is told as such', async (t) => {
  const folder = await tempFolder(t.teardown);
  await mkdir(join(folder, 'taken'));
  await writeFile(join(folder, 'file'), '');
  const paths = [{ outPath: join(folder, 'taken') }, { outPath: join(folder, 'file/x.tar') }];
  for (const change of [
    ...paths,
    { installerFile: join(folder, 'none') },
    { cacheFolder: join(folder, 'file') },
  ]) {
    await t.rejects(buildTiny(folder, change), { code: 'bundle.files', next: /path/ });
  }
  t.strictSame((await readdir(folder)).sort(), ['file', 'taken']);
});

t.test('another image can be taken for a service, under the name the vendor wrote', async (t) => {
  const folder = await tempFolder(t.teardown);
  const images = [...IMAGES, { reference: 'local/nginx:dev', layers: [{ a: 'b' }] }];
  const built = await buildTiny(folder, {
    imageSource: await sourceOf(images),
    imageOverrides: { nginx: 'local/nginx:dev' },
  });
  t.match(built.index.images[1], { reference: 'nginx:1.30.0', repository: 'nginx', layers: { length: 1 } });
});

t.test('a build that is stopped, or whose engine fails, leaves nothing behind', async (t) => {
  const folder = await tempFolder(t.teardown);
  const source = await sourceOf(IMAGES);
  const whole = await buffer(await source.export([(await source.resolve('nginx:1.30.0')).id]));
  for (const cut of [0, 700, whole.length - 3000]) {
    const imageSource = {
      resolve: source.resolve,
      export: async () => Readable.from([whole.subarray(0, cut)]),
    };
    await t.rejects(
      buildTiny(folder, { imageSource }),
      { code: 'bundle.image', next: /again/ },
      `cut at ${cut}`,
    );
  }
  const failing = async () =>
    Readable.from(
      (async function* () {
        yield whole.subarray(0, 2000);
        throw new Error('the engine died');
      })(),
    );
  await t.rejects(buildTiny(folder, { imageSource: { resolve: source.resolve, export: failing } }), {
    code: 'bundle.image',
  });
  const rotten: [{ name: string }, Buffer][] = [
    [{ name: `blobs/sha256/${sha256('x')}` }, Buffer.from('1f8b08000000000000031234567890', 'hex')],
    [{ name: 'manifest.json' }, Buffer.from('[]')],
  ];
  const imageSource = { resolve: source.resolve, export: async () => Readable.from([await tarOf(rotten)]) };
  await t.rejects(buildTiny(folder, { imageSource }), { code: 'bundle.image', next: /again/ });
  const reason = new Error('stopped');
  for (const phase of ['export', 'write']) {
    const stop = new AbortController();
    const onProgress = (one: BundleProgress): void => {
      if (one.phase === phase) stop.abort(reason);
    };
    await t.rejects(buildTiny(folder, { signal: stop.signal, onProgress }), reason, phase);
  }
  t.strictSame(await readdir(folder), []);
});

t.test('progress comes in phases and ends at the whole', async (t) => {
  const folder = await tempFolder(t.teardown);
  const seen: BundleProgress[] = [];
  const built = await buildTiny(folder, { onProgress: (one) => seen.push(one) });
  t.strictSame([...new Set(seen.map((one) => one.phase))], ['export', 'write']);
  const checked: BundleProgress[] = [];
  await (await openBundle(built.path, { ...trusted, onProgress: (one) => checked.push(one) })).close();
  t.ok(
    checked.every(
      (one, at) => one.doneBytes <= one.totalBytes && one.doneBytes >= (checked[at - 1]?.doneBytes ?? 0),
    ),
  );
});

t.test('inspecting says what a bundle claims, and that nothing was checked', async (t) => {
  const folder = await tempFolder(t.teardown);
  const built = await buildTiny(folder);
  const seen = await inspectBundle(built.path);
  t.match(seen, { isVerified: false, claimedKeyId: publicKey.keyId, index: { product: 'notes' } });
  t.strictSame(seen.permissions, []);
  const composeText = COMPOSE.replace('role: worker', 'role: worker, outbound: true');
  const bold = await buildTiny(folder, { composeText, outPath: join(folder, 'bold.tar') });
  t.match((await inspectBundle(bold.path)).permissions, [{ service: 'jobs', name: 'outbound' }]);
  await t.rejects(inspectBundle(join(folder, 'none')), {
    code: 'bundle.unreadable',
    message: /no such file/,
  });
  await writeFile(join(folder, 'text'), 'x'.repeat(5000));
  await t.rejects(inspectBundle(join(folder, 'text')), {
    code: 'bundle.tar',
    message: /not an Onstead bundle/,
  });
});

t.test('a bundle deleted while it is open is whole; one changed meanwhile is noticed', async (t) => {
  const folder = await tempFolder(t.teardown);
  const built = await buildTiny(folder);
  await using bundle = await openBundle(built.path, trusted);
  await rm(built.path);
  t.equal((await buffer(bundle.imageArchive())).length, bundle.imageArchiveBytes());

  await writeFile(built.path, built.bytes);
  await using changing = await openBundle(built.path, trusted);
  const layer = changing.index.images[0]!.layers[1]!;
  const at = built.bytes.indexOf(gzipStartOf(built.bytes, layer.digest));
  const changed = Buffer.from(built.bytes);
  changed[at + 40]! ^= 1;
  await writeFile(built.path, changed);
  await t.rejects(buffer(changing.imageArchive()), { code: 'bundle.damaged' });
});

/** The bytes of a blob inside a tar, found by its name. */
function gzipStartOf(tar: Buffer, digest: string): Buffer {
  const header = tar.lastIndexOf(`blobs/sha256/${digest.slice(7)}\0`);
  const size = Number.parseInt(tar.toString('latin1', header + 124, header + 135), 8);
  const blob = tar.subarray(header + 512, header + 512 + size);
  gunzipSync(blob);
  return blob;
}
