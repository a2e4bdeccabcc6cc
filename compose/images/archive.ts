// Images as one `docker load` archive, written by hand: no builder, no RUN, so the same input gives the same
// image id on every machine, and layers that images share are in it once.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import tar from 'tar-stream';
import type { RunSettings } from './recipe.ts';
import type { Layer } from './tree.ts';

export interface ImagePlan {
  readonly tag: string;
  readonly layers: readonly Layer[];
  readonly run: RunSettings;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ImageFile {
  readonly tag: string;
  /** sha256 of the configuration: the image id of a classic image store. */
  readonly id: string;
  readonly layers: readonly Layer[];
  readonly config: Buffer;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
// Nothing in the image depends on the day it was built, so it carries one date for all.
const CREATED = '2026-01-01T00:00:00Z';
const SECOND_NS = 1_000_000_000;

export function describeImage(plan: ImagePlan): ImageFile {
  const config = Buffer.from(JSON.stringify(configOf(plan)));
  const id = `sha256:${createHash('sha256').update(config).digest('hex')}`;
  return { tag: plan.tag, id, layers: plan.layers, config };
}

function configOf(plan: ImagePlan): object {
  return {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: CREATED,
    config: containerSettings(plan),
    rootfs: { type: 'layers', diff_ids: plan.layers.map((layer) => layer.diffId) },
    history: plan.layers.map((layer) => ({ created: CREATED, created_by: layer.title })),
  };
}

function containerSettings({ tag, run, labels }: ImagePlan): object {
  const keys = (list: readonly string[]): object => Object.fromEntries(list.map((key) => [key, {}]));
  return {
    User: run.user,
    Env: [`PATH=${PATH}`, ...Object.entries(run.env ?? {}).map(([key, value]) => `${key}=${value}`)],
    ...(run.entrypoint && { Entrypoint: run.entrypoint }),
    ...(run.command && { Cmd: run.command }),
    ...(run.workingFolder && { WorkingDir: run.workingFolder }),
    ...(run.ports && { ExposedPorts: keys(run.ports.map((port) => `${port}/tcp`)) }),
    ...(run.volumes && { Volumes: keys(run.volumes) }),
    ...(run.stopSignal && { StopSignal: run.stopSignal }),
    Healthcheck: {
      Test: ['CMD', ...run.health.command],
      Interval: 2 * SECOND_NS,
      Timeout: 5 * SECOND_NS,
      StartPeriod: (run.health.startPeriodMs / 1000) * SECOND_NS,
      // Engines before 25 do not know it and ask every interval instead.
      StartInterval: SECOND_NS / 2,
      Retries: 5,
    },
    Labels: { ...labels, 'onstead.demo.image': tag },
  };
}

export function archiveOf(images: readonly ImageFile[]): NodeJS.ReadableStream {
  const pack = tar.pack();
  fill(pack, images).catch((error: unknown) => pack.destroy(error as Error));
  // tar-stream's own stream type; the engine's client wants Node's.
  return Readable.from(pack as unknown as AsyncIterable<Buffer>, { objectMode: false });
}

async function fill(pack: tar.Pack, images: readonly ImageFile[]): Promise<void> {
  const layers = new Map(images.flatMap((image) => image.layers).map((layer) => [layer.diffId, layer]));
  const hex = (digest: string): string => digest.slice('sha256:'.length);
  for (const layer of layers.values()) {
    const sink = pack.entry({ name: `${hex(layer.diffId)}.tar`, size: layer.sizeBytes });
    await pipeline(createReadStream(layer.path, { highWaterMark: 1 << 20 }), sink);
  }
  for (const image of images) pack.entry({ name: `${hex(image.id)}.json` }, image.config);
  const manifest = images.map((image) => ({
    Config: `${hex(image.id)}.json`,
    RepoTags: [image.tag],
    Layers: image.layers.map((layer) => `${hex(layer.diffId)}.tar`),
  }));
  pack.entry({ name: 'manifest.json' }, JSON.stringify(manifest));
  pack.finalize();
}
