// The image formats beside each other in a bundle, each a pure function of the signed index, so that they can be
// written when building and compared byte by byte when verifying.

import { createHash } from 'node:crypto';
import { blobPath } from './bundle-index.ts';
import type { BundleImage, BundleLayer } from './bundle-index.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

export const OCI_LAYOUT = '{"imageLayoutVersion":"1.0.0"}';

export interface ManifestParts {
  readonly configDigest: string;
  readonly configBytes: number;
  readonly layers: readonly BundleLayer[];
}

/** The manifest of an image that came without one that could be kept. */
export function ociManifest({ configDigest, configBytes, layers }: ManifestParts): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, digest: configDigest, size: configBytes },
    layers: layers.map(({ digest, sizeBytes }) => ({ mediaType: LAYER, digest, size: sizeBytes })),
  });
}

/** `index.json` of the OCI layout. `mediaType` is what each manifest says of itself. */
export function ociIndex(
  images: readonly BundleImage[],
  arch: string,
  mediaTypeOf: (image: BundleImage) => string,
): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: images.map((image) => ({
      mediaType: mediaTypeOf(image),
      digest: image.manifestDigest,
      size: image.manifestBytes,
      annotations: {
        'io.containerd.image.name': image.contentTag,
        'org.opencontainers.image.ref.name': image.contentTag,
      },
      platform: { architecture: arch, os: 'linux' },
    })),
  });
}

/** `manifest.json`, what `docker load` reads on every engine. */
function dockerManifest(images: readonly BundleImage[], pathOf: (layer: BundleLayer) => string): string {
  return JSON.stringify(
    images.map((image) => ({
      Config: blobPath(image.configDigest),
      RepoTags: [image.contentTag],
      Layers: image.layers.map(pathOf),
    })),
  );
}

export function bundleManifest(images: readonly BundleImage[]): string {
  return dockerManifest(images, (layer) => blobPath(layer.digest));
}

export interface ReadManifest {
  readonly mediaType: string;
  readonly configDigest: string;
  readonly layerDigests: readonly string[];
  readonly areAllGzip: boolean;
}

/** What matters of an image manifest, ours or a registry's; undefined when it is none. */
export function readManifest(text: string): ReadManifest | undefined {
  const value = parsed(text) as {
    mediaType?: unknown;
    config?: { digest?: unknown };
    layers?: readonly { digest?: unknown; mediaType?: unknown }[];
  } | null;
  const configDigest = value?.config?.digest;
  if (typeof configDigest !== 'string' || !Array.isArray(value?.layers)) return undefined;
  const layers = value.layers as readonly { digest?: unknown; mediaType?: unknown }[];
  return {
    mediaType: typeof value.mediaType === 'string' ? value.mediaType : MANIFEST,
    configDigest,
    layerDigests: layers.map((layer) => String(layer?.digest)),
    areAllGzip: layers.every((layer) => /[+.]gzip$/.test(String(layer?.mediaType))),
  };
}

export interface ReadConfig {
  readonly arch: string;
  readonly os: string;
  readonly diffIds: readonly string[];
}

export function readConfig(text: string): ReadConfig | undefined {
  const value = parsed(text) as {
    architecture?: unknown;
    os?: unknown;
    rootfs?: { diff_ids?: unknown };
  } | null;
  const diffIds = value?.rootfs?.diff_ids;
  if (value === null || typeof value !== 'object') return undefined;
  if (diffIds !== undefined && diffIds !== null && !Array.isArray(diffIds)) return undefined;
  return {
    arch: String(value.architecture),
    os: String(value.os),
    diffIds: ((diffIds ?? []) as unknown[]).map(String),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
