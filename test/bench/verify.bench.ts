// Verifying a bundle costs about what hashing it once costs, and little memory, however large it is.

import { randomBytes } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MIB } from '../../src/base/units.ts';
import { buildTiny, IMAGES, pair as keys, sourceOf } from '../unit/release/bundle-fixture.ts';
import type { Bench, BenchContext } from './bench.ts';
import type { ChildCost } from './child-cost.ts';
import { short, spreadText } from './statistics.ts';

const LAYERS = 4;
/** Base64 makes four bytes of three; the file of each layer is then 128 MB. */
const RANDOM_BYTES = 96 * MIB;

export const bench: Bench = {
  name: 'verify',
  proves: 'A bundle is verified in at most 1.2 times the time of sha256sum, with under 200 MB of memory.',
  needs: [],
  runs: 5,
  run: async ({ root, scratch, pair, runChild, emit, progress }) => {
    const bundle = await bigBundle(scratch, progress);
    const trust = join(scratch, 'vendor.pub');
    await writeFile(trust, keys.publicKey);
    const command = [join(root, 'src/main.ts'), 'bundle', 'verify', bundle, '--trust', trust, '--json'];
    const peaks: number[] = [];
    const verify = async (): Promise<number> => {
      const cost = succeeded(await runChild(process.execPath, command));
      peaks.push(cost.peakRssBytes / 1e6);
      return cost.seconds;
    };
    const hash = async (): Promise<number> => succeeded(await runChild('sha256sum', [bundle])).seconds;
    const { a, b, ratio } = await pair(['onstead bundle verify', verify], ['sha256sum', hash]);
    const megabytes = short((await stat(bundle)).size / 1e6);
    emit({
      metric: 'time',
      value: a.median,
      unit: 's',
      baseline: b.median,
      ratio: ratio.median,
      goal: { of: 'ratio', is: '<=', than: 1.2 },
      runs: ratio.runs,
      note: `${megabytes} MB, start of the process included; ratio ${spreadText(ratio)}; against sha256sum`,
    });
    const worst = Math.max(...peaks);
    const goal = { of: 'value', is: '<', than: 200 } as const;
    emit({
      metric: 'memory',
      value: worst,
      unit: 'MB',
      goal,
      runs: peaks.length,
      note: 'highest peak of all runs',
    });
  },
};

async function bigBundle(scratch: string, progress: BenchContext['progress']): Promise<string> {
  progress('making a bundle');
  const [first, ...others] = IMAGES;
  const big = Array.from({ length: LAYERS }, (_, index) => ({
    [`data/${index}`]: randomBytes(RANDOM_BYTES).toString('base64'),
  }));
  const images = [{ ...first!, layers: [...first!.layers, ...big] }, ...others];
  const outPath = join(scratch, 'bundle.tar');
  await buildTiny(scratch, { imageSource: await sourceOf(images), outPath });
  return outPath;
}

function succeeded(cost: ChildCost): ChildCost {
  if (cost.code !== 0) throw new Error(`It ended with code ${cost.code}: ${cost.stderr.trim()}`);
  return cost;
}
