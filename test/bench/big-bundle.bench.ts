// A bundle of 5 GB is built and verified in little memory. It takes minutes and 15 GB of disk, which are given back.

import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, BenchContext } from './bench.ts';
import type { ChildCost } from './child-cost.ts';
import { short } from './statistics.ts';

const LAYERS = 9;
const LAYER_MEGABYTES = 512;
const GB = 1e9;
/** The bundle, its compressed layers beside it, and plain ones that wait. */
const NEEDED_BYTES = 15 * GB;

export const bench: Bench = {
  name: 'big-bundle',
  proves:
    'A bundle of 4.8 GB that cannot be compressed is built and verified with under 200 MB of memory each.',
  needs: [],
  runs: 1,
  run: async (context) => {
    const { root, scratch, runChild, progress } = context;
    await checkRoom(scratch);
    // Beside the bundle, and not in a /tmp that may be memory.
    const options = { cwd: root, env: { ...process.env, TMPDIR: scratch }, everyMs: 50 };
    const build = join(root, 'test/bench/big-bundle-build.ts');
    const verify = ['bundle', 'verify', join(scratch, 'bundle.tar'), '--trust', join(scratch, 'vendor.pub')];
    progress('building');
    const built = succeeded(
      await runChild(process.execPath, [build, scratch, String(LAYERS), String(LAYER_MEGABYTES)], options),
    );
    const { size } = await stat(join(scratch, 'bundle.tar'));
    report(context, 'build', built, size);
    progress('verifying');
    const verified = await runChild(process.execPath, [join(root, 'src/main.ts'), ...verify], options);
    report(context, 'verify', succeeded(verified), size);
  },
};

function report(
  { emit }: BenchContext,
  what: string,
  { peakRssBytes, seconds }: ChildCost,
  size: number,
): void {
  emit({
    metric: `${what}: memory`,
    value: peakRssBytes / 1e6,
    unit: 'MB',
    goal: { of: 'value', is: '<', than: 200 },
    runs: 1,
    note: `peak of the process (VmHWM), of a bundle of ${short(size / GB)} GB`,
  });
  emit({ metric: `${what}: time`, value: seconds, unit: 's', runs: 1 });
}

async function checkRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= NEEDED_BYTES) return;
  throw new Error(
    `${folder} has ${short((bavail * bsize) / GB)} GB free; this needs ${NEEDED_BYTES / GB}. Name a larger disk with TMPDIR.`,
  );
}

function succeeded(cost: ChildCost): ChildCost {
  if (cost.code !== 0) throw new Error(`It ended with code ${cost.code}: ${cost.stderr.trim()}`);
  return cost;
}
