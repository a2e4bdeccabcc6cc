// Small images in each layout that an engine's `docker save` gives, and bundles made of them.

import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Header } from 'tar-stream';
import { buildBundle, keygen, readPublicKey, readSecretKey } from '../../../src/release/index.ts';
import type { ImageSource, SourceImage } from '../../../src/base/image-source.ts';
import type { BuildInput } from '../../../src/release/index.ts';

export type Layout = 'legacy' | 'oci-plain' | 'oci-gzip';

export interface TinyImage {
  readonly reference: string;
  /** Each layer: path → content. */
  readonly layers: readonly Readonly<Record<string, string>>[];
  readonly arch?: string;
}

export const sha256 = (bytes: Uint8Array | string): string =>
  createHash('sha256').update(bytes).digest('hex');

export async function tarOf(
  entries: readonly [Partial<Header> & { name: string }, (string | Buffer)?][],
): Promise<Buffer> {
  const tar = pack();
  for (const [header, content] of entries) tar.entry({ mtime: new Date(0), ...header }, content ?? '');
  tar.finalize();
  return buffer(tar);
}

interface Made {
  readonly image: TinyImage;
  readonly source: SourceImage;
  readonly config: string;
  readonly layers: readonly Buffer[];
}

async function make(image: TinyImage, layout: Layout): Promise<Made> {
  const layers = await Promise.all(
    image.layers.map((files) => tarOf(Object.entries(files).map(([name, content]) => [{ name }, content]))),
  );
  const architecture = image.arch ?? 'amd64';
  const diffIds = layers.map((layer) => `sha256:${sha256(layer)}`);
  const config = JSON.stringify({
    architecture,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
  const made = { image, config, layers };
  const id = layout === 'oci-gzip' ? sha256(manifestOf(made)) : sha256(config);
  const sizeBytes = layers.reduce((sum, layer) => sum + layer.length, 0);
  return {
    ...made,
    source: { id: `sha256:${id}`, repoDigests: [], diffIds, architecture, os: 'linux', sizeBytes },
  };
}

export function manifestOf({ config, layers }: Pick<Made, 'config' | 'layers'>): string {
  const part = (mediaType: string, bytes: Uint8Array | string) => ({
    mediaType: `application/vnd.oci.image.${mediaType}`,
    digest: `sha256:${sha256(bytes)}`,
    size: Buffer.byteLength(bytes),
  });
  // Spaces, so that nobody takes it for a manifest that was written anew.
  return JSON.stringify(
    {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: part('config.v1+json', config),
      layers: layers.map((layer) => part('layer.v1.tar+gzip', gzipSync(layer))),
    },
    null,
    3,
  );
}

type Entries = [Partial<Header> & { name: string }, (string | Buffer)?][];

function legacy(images: readonly Made[]): Entries {
  const entries: Entries = [];
  const seen = new Map<string, string>();
  const list = images.map(({ image, config, layers }, nth) => {
    entries.push([{ name: `${sha256(config)}.json` }, config]);
    const names = layers.map((layer, at) => {
      const folder = sha256(`${nth}/${at}`);
      entries.push(
        [{ name: `${folder}/`, type: 'directory' }],
        [{ name: `${folder}/VERSION` }, '1.0'],
        [{ name: `${folder}/json` }, '{}'],
      );
      const first = seen.get(sha256(layer));
      const name = `${folder}/layer.tar`;
      if (first === undefined) entries.push([{ name }, layer]);
      else entries.push([{ name, type: 'symlink', linkname: `../${first}` }]);
      seen.set(sha256(layer), seen.get(sha256(layer)) ?? name);
      return name;
    });
    return { Config: `${sha256(config)}.json`, RepoTags: [image.reference], Layers: names };
  });
  return [...entries, [{ name: 'manifest.json' }, JSON.stringify(list)], [{ name: 'repositories' }, '{}']];
}

function oci(images: readonly Made[], squeeze: (layer: Buffer) => Buffer): Entries {
  const blobs = new Map<string, string | Buffer>();
  const add = (content: string | Buffer): string => {
    blobs.set(`blobs/sha256/${sha256(content)}`, content);
    return `blobs/sha256/${sha256(content)}`;
  };
  const list = images.map(({ image, config, layers }) => {
    add(manifestOf({ config, layers }));
    return {
      Config: add(config),
      RepoTags: [image.reference],
      Layers: layers.map((layer) => add(squeeze(layer))),
    };
  });
  return [
    ...[...blobs].map(([name, content]): Entries[number] => [{ name }, content]),
    [{ name: 'index.json' }, '{"schemaVersion":2,"manifests":[]}'],
    [{ name: 'manifest.json' }, JSON.stringify(list)],
    [{ name: 'oci-layout' }, '{"imageLayoutVersion":"1.0.0"}'],
  ];
}

export interface CountedSource extends ImageSource {
  exports: number;
}

export async function sourceOf(
  images: readonly TinyImage[],
  layout: Layout = 'legacy',
): Promise<CountedSource> {
  const made = await Promise.all(images.map((image) => make(image, layout)));
  const source: CountedSource = {
    exports: 0,
    async resolve(reference) {
      const found = made.find((one) => one.image.reference === reference);
      if (found === undefined) throw new Error(`no image ${reference}`);
      return found.source;
    },
    async export(ids) {
      source.exports += 1;
      const wanted = made.filter((one) => ids.includes(one.source.id));
      const entries =
        layout === 'legacy'
          ? legacy(wanted)
          : oci(wanted, layout === 'oci-plain' ? (layer) => layer : (gzipSync as (layer: Buffer) => Buffer));
      return Readable.from([await tarOf(entries)]);
    },
  };
  return source;
}

const BASE = {
  'var/lib/dpkg/status':
    'Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\nSource: glibc\n\n',
  'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
};

export const IMAGES: readonly TinyImage[] = [
  {
    reference: 'example.com/notes/app:1.0.0',
    layers: [
      BASE,
      {
        'app/node_modules/left/package.json': '{"name":"left","version":"1.2.3","license":"MIT"}',
        'app/node_modules/@a/b/package.json': '{"name":"@a/b","version":"2.0.0"}',
        'app/node_modules/gone/package.json': '{"name":"gone","version":"9.9.9"}',
      },
      { 'app/node_modules/.wh.gone': '' },
    ],
  },
  { reference: 'nginx:1.30.0', layers: [BASE, { 'etc/nginx/nginx.conf': 'events {}' }] },
];

export const COMPOSE = `# a comment that stays
name: notes
x-onstead:
  version: 1.0.0
  title: Notes
  notes: The first one.
services:
  app:
    image: example.com/notes/app:1.0.0 # by the vendor
    x-onstead: { role: app, port: 3000, health: /h, ready: /r }
  jobs: { image: "example.com/notes/app:1.0.0", x-onstead: { role: worker } }
  nginx: { image: 'nginx:1.30.0', x-onstead: { role: nginx } }
`;

export const pair = await keygen();
export const secretKey = await readSecretKey(pair.secretKey);
export const publicKey = readPublicKey(pair.publicKey);

export async function tempFolder(teardown: (work: () => Promise<void>) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'onstead-release-'));
  teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function buildTiny(folder: string, change: Partial<BuildInput> = {}) {
  const outPath = join(folder, 'notes-1.0.0.tar');
  const result = await buildBundle({
    composeText: COMPOSE,
    composeFile: 'compose.yaml',
    imageSource: await sourceOf(IMAGES),
    platform: 'linux/amd64',
    secretKey,
    createdAt: new Date('2026-11-20T12:00:00Z'),
    outPath,
    ...change,
  });
  return { ...result, bytes: await readFile(change.outPath ?? outPath) };
}
