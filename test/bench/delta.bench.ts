// A release that changes only the app travels as a delta: how small it is, and how quickly it is on the appliance,
// beside the full bundle on an empty engine. Both engines are one private one, emptied between the runs.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { refuseMissingBase } from '../../src/deploy/delta-base.ts';
import type { ImagePin } from '../../src/deploy/install-plan.ts';
import { loadImagesStep } from '../../src/deploy/steps/image-step.ts';
import type { DeployTools } from '../../src/deploy/tools.ts';
import type { Engine } from '../../src/engine/index.ts';
import type { StepContext } from '../../src/journal/index.ts';
import {
  baseOfBundle,
  inspectBundle,
  openBundle,
  readTrustedKeys,
  type VerifiedBundle,
} from '../../src/release/index.ts';
import { imageNameFor } from '../../src/stack/index.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { PrivateMachine } from '../e2e/private-machine.ts';
import type { Bench, BenchContext } from './bench.ts';
import { short, spreadText } from './statistics.ts';

export const bench: Bench = {
  name: 'delta',
  proves:
    'An app-only release is at most 5 % of its full bundle as a delta, and on the appliance in a tenth of the time.',
  needs: ['engine'],
  runs: 5,
  run: async (context) => {
    const first = await demoBundle('1.0.0');
    const full = await demoBundle('1.1.0');
    const base = baseOfBundle(first.path, (await inspectBundle(first.path)).index);
    const delta = await demoBundle('1.1.0', undefined, undefined, [base]);
    await compareSizes(context, delta.path, full.path);
    const machine = new PrivateMachine();
    try {
      await machine.boot();
      await machine.startEngine();
      await compareLoads(context, machine.engine, { first: first.path, full: full.path, delta: delta.path });
    } finally {
      await machine.remove();
    }
  },
};

async function compareSizes({ emit }: BenchContext, delta: string, full: string): Promise<void> {
  const [small, large] = [(await stat(delta)).size / 1e6, (await stat(full)).size / 1e6];
  emit({
    metric: 'size',
    value: small,
    unit: 'MB',
    baseline: large,
    ratio: small / large,
    goal: { of: 'ratio', is: '<=', than: 0.05 },
    runs: 1,
    note: 'the sample app from 1.0.0 to 1.1.0, without Onstead itself in either; against the full bundle',
  });
}

interface Bundles {
  readonly first: string;
  readonly full: string;
  readonly delta: string;
}

async function compareLoads(
  { pair, emit, scratch }: BenchContext,
  engine: Engine,
  { first, full, delta }: Bundles,
): Promise<void> {
  const update = async (): Promise<number> => {
    await empty(engine);
    await take(engine, first, scratch);
    return take(engine, delta, scratch);
  };
  const cold = async (): Promise<number> => {
    await empty(engine);
    return take(engine, full, scratch);
  };
  const { a, b, ratio } = await pair(['the delta on 1.0.0', update], ['the full bundle, cold', cold]);
  emit({
    metric: 'load time',
    value: a.median,
    unit: 's',
    baseline: b.median,
    ratio: ratio.median,
    goal: { of: 'ratio', is: '<=', than: 0.1 },
    runs: ratio.runs,
    note: `verification included; ratio ${spreadText(ratio)}; against the full bundle (${short((await stat(full)).size / 1e6)} MB) on an engine without images`,
  });
}

/** Seconds from the file to the images in the store, as an upgrade takes them. */
async function take(engine: Engine, path: string, scratch: string): Promise<number> {
  const started = performance.now();
  await using bundle = await openBundle(path, { trustedKeys: await readTrustedKeys(cache) });
  const tools = toolsFor(bundle, engine, scratch);
  await refuseMissingBase(tools, bundle);
  const images = pinsOf(bundle);
  const context = { signal: new AbortController().signal, progress: () => {} };
  const input = { bundle: { path, id: '' }, images, missing: images.map(({ tag }) => tag) };
  await loadImagesStep(tools).apply(input, context as unknown as StepContext); // what the step uses of it
  return (performance.now() - started) / 1000;
}

/** Where the key of the demo bundles is. */
const cache = join(import.meta.dirname, '../../.cache/test');

function pinsOf({ index }: VerifiedBundle): ImagePin[] {
  return index.images.map((image) => ({
    service: image.services[0]!,
    tag: imageNameFor('bench', image),
    configDigest: image.configDigest,
    diffIds: image.layers.map(({ diffId }) => diffId),
  }));
}

function toolsFor(bundle: VerifiedBundle, engine: Engine, scratch: string): DeployTools {
  const use = (_reference: unknown, _options: unknown, work: (one: VerifiedBundle) => unknown) =>
    work(bundle);
  const paths = { state: scratch };
  return { engine: async () => engine, bundles: { use }, paths } as unknown as DeployTools; // what the step uses of them
}

async function empty(engine: Engine): Promise<void> {
  for (const { repoTags } of await engine.images.list()) {
    for (const tag of repoTags) await engine.images.remove(tag, { force: true });
  }
}
