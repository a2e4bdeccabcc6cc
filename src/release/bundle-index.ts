// `bundle.json`, the signed table of contents of a bundle. Keys that a later Onstead adds are passed over; what an
// older one must not miss raises `format`.

import { Type, type Static } from '../base/schema.ts';
import { OnsteadError } from '../base/errors.ts';
import { checkShape } from './shape.ts';
import { isPlainName } from './tar.ts';

export const FORMAT = 1;

const Hex = Type.String({ pattern: '^[0-9a-f]{64}$', expect: '64 hex digits' });
const Digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$', expect: 'a sha256 digest' });
const Bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, expect: 'a number of bytes' });
const Text = Type.String({ minLength: 1, maxLength: 500, expect: 'text' });

const FILE_KINDS = ['release', 'notes', 'oci', 'blob', 'daemon', 'installer', 'sbom'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** Where each kind stands; nothing else may be in a bundle. */
const PATHS: Record<FileKind, RegExp> = {
  release: /^release\/compose\.yaml$/,
  notes: /^release\/notes\.md$/,
  oci: /^(oci-layout|index\.json|manifest\.json)$/,
  blob: /^blobs\/sha256\/[0-9a-f]{64}$/,
  daemon: /^onstead\/daemon\.tar\.gz$/,
  installer: /^installer\/install\.sh$/,
  sbom: /^sbom\.cdx\.json$/,
};

const BundleFile = Type.Object({
  path: Text,
  kind: Type.Enum([...FILE_KINDS], { expect: `one of ${FILE_KINDS.join(', ')}` }),
  sizeBytes: Bytes,
  sha256: Hex,
  unpackedBytes: Type.Optional(Bytes),
});

const BundleLayer = Type.Object({
  /** Digest of the plain layer, as the image's configuration names it. */
  diffId: Digest,
  /** Digest of the gzip blob. */
  digest: Digest,
  sizeBytes: Bytes,
  unpackedBytes: Bytes,
});

const BundleImage = Type.Object({
  /** As the vendor's file names it. */
  reference: Text,
  repository: Text,
  services: Type.Array(Text, { minItems: 1 }),
  /** The name the image has on an appliance. */
  contentTag: Text,
  manifestDigest: Digest,
  manifestBytes: Bytes,
  /** The image ID of a classic image store. */
  configDigest: Digest,
  configBytes: Bytes,
  /** What the registry called it, where the engine knew. */
  registryDigest: Type.Optional(Digest),
  layers: Type.Array(BundleLayer),
});

export const BundleIndex = Type.Object({
  format: Type.Integer(),
  product: Text,
  title: Text,
  version: Text,
  os: Type.Literal('linux'),
  arch: Text,
  created: Type.String({
    pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
    expect: 'a time',
  }),
  /** Version of the Onstead inside, or of the one that a delta left out. */
  onstead: Type.Optional(Text),
  /** Of a delta: the packed Onstead that it left out, because what it builds on brought the very same. */
  program: Type.Optional(Type.Object({ digest: Digest, sizeBytes: Bytes, unpackedBytes: Bytes })),
  files: Type.Array(BundleFile, { maxItems: 10_000 }),
  images: Type.Array(BundleImage, { maxItems: 1000 }),
  /** Of a delta: the versions one of which must be there. */
  from: Type.Array(Text, { maxItems: 1000 }),
  /** Of a delta: digests of layer blobs that are left out. */
  omits: Type.Array(Digest, { maxItems: 10_000 }),
});

export type BundleIndex = Static<typeof BundleIndex>;
export type BundleFile = Static<typeof BundleFile>;
export type BundleImage = Static<typeof BundleImage>;
export type BundleLayer = Static<typeof BundleLayer>;

export function blobPath(digest: string): string {
  return `blobs/sha256/${digest.replace('sha256:', '')}`;
}

/** The index in its shape. Whether its parts fit together is `checkIndex`'s question. */
export function readIndex(text: string): BundleIndex {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badIndex('it is not JSON', cause);
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (Number.isSafeInteger(format) && format !== FORMAT) {
    throw new OnsteadError(
      'bundle.format',
      `This bundle needs a newer Onstead (its format is ${String(format)}).`,
      {
        next: 'Upgrade Onstead first: run the installer of the same vendor again, then give the bundle.',
      },
    );
  }
  const [first] = checkShape(BundleIndex, value, []);
  if (first !== undefined) throw badIndex(`${first.path.join('.')}: ${first.message}`);
  return value as BundleIndex; // its shape was checked just now
}

const MOST_RATIO = 200;
/** Below this a tiny file of zeros may inflate as it likes: it can do no harm. */
const RATIO_FLOOR_BYTES = 1024 * 1024;

function isBomb(sizeBytes: number, unpackedBytes: number): boolean {
  return unpackedBytes > RATIO_FLOOR_BYTES && unpackedBytes > sizeBytes * MOST_RATIO;
}

/** What must hold inside the index before any entry is believed. */
export function checkIndex(index: BundleIndex): void {
  const files = new Map<string, BundleFile>();
  for (const file of index.files) {
    if (!isPlainName(file.path) || !PATHS[file.kind].test(file.path)) {
      throw badIndex(`"${file.path}" may not be in a bundle as ${file.kind}`);
    }
    if (files.has(file.path)) throw badIndex(`"${file.path}" is listed twice`);
    if (file.kind === 'blob' && !file.path.endsWith(file.sha256))
      throw badIndex(`"${file.path}" is not named by its digest`);
    if (file.kind === 'daemon') checkRatio(file.path, file.sizeBytes, file.unpackedBytes ?? 0);
    files.set(file.path, file);
  }
  for (const path of ['release/compose.yaml', 'oci-layout', 'index.json', 'manifest.json', 'sbom.cdx.json']) {
    if (!files.has(path)) throw incomplete(`"${path}"`);
  }
  checkDelta(index, files);
  checkImages(index, files);
}

/** What is left out must be something that the bundle would need, and really be left out. */
function checkDelta(index: BundleIndex, files: ReadonlyMap<string, BundleFile>): void {
  const { from, omits, program, images } = index;
  const leavesOut = omits.length > 0 || program !== undefined;
  if (leavesOut !== from.length > 0) throw badIndex('a delta must name what it builds on');
  if (new Set(omits).size !== omits.length) throw badIndex('it leaves out a layer twice');
  if (program !== undefined && (index.onstead === undefined || files.has('onstead/daemon.tar.gz'))) {
    throw badIndex('it leaves out an Onstead that it holds or does not name');
  }
  const layers = images.flatMap((image) => image.layers);
  const omitted = new Set(omits);
  const without = new Set(layers.filter(({ digest }) => omitted.has(digest)).map(({ diffId }) => diffId));
  for (const digest of omits) {
    if (files.has(blobPath(digest))) throw badIndex(`it holds ${digest}, which it leaves out`);
    if (!layers.some((layer) => layer.digest === digest)) throw badIndex(`${digest}, left out, is no layer`);
  }
  const half = layers.find(({ digest, diffId }) => without.has(diffId) && !omitted.has(digest));
  if (half !== undefined) throw badIndex(`it leaves out ${half.diffId} and holds it too`);
}

function checkImages(index: BundleIndex, files: ReadonlyMap<string, BundleFile>): void {
  const used = new Set<string>();
  const omitted = new Set(index.omits);
  const need = (digest: string, sizeBytes: number, what: string): void => {
    const path = blobPath(digest);
    const file = files.get(path);
    if (file === undefined) throw incomplete(`${what} (${digest})`);
    if (file.sizeBytes !== sizeBytes) throw badIndex(`"${path}" has two sizes`);
    used.add(path);
  };
  for (const image of index.images) {
    need(image.manifestDigest, image.manifestBytes, `the manifest of ${image.reference}`);
    need(image.configDigest, image.configBytes, `the configuration of ${image.reference}`);
    for (const layer of image.layers) {
      checkRatio(`a layer of ${image.reference}`, layer.sizeBytes, layer.unpackedBytes);
      if (!omitted.has(layer.digest)) need(layer.digest, layer.sizeBytes, `a layer of ${image.reference}`);
    }
  }
  const extra = index.files.find((file) => file.kind === 'blob' && !used.has(file.path));
  if (extra !== undefined) throw badIndex(`"${extra.path}" belongs to no image`);
}

function checkRatio(what: string, sizeBytes: number, unpackedBytes: number): void {
  if (!isBomb(sizeBytes, unpackedBytes)) return;
  throw new OnsteadError(
    'bundle.bomb',
    `${what} would grow from ${sizeBytes} to ${unpackedBytes} bytes when unpacked; no honest file does.`,
    { next: 'Do not use this bundle; ask the vendor.' },
  );
}

function incomplete(what: string): OnsteadError {
  return new OnsteadError('bundle.incomplete', `The bundle lacks ${what}.`, {
    next: 'Fetch the bundle again from where it came; if that does not help, ask the vendor.',
  });
}

export function badIndex(what: string, cause?: unknown): OnsteadError {
  return new OnsteadError('bundle.index', `The bundle's table of contents is wrong: ${what}.`, {
    next: 'Ask the vendor for a bundle that is built anew.',
    cause,
  });
}
