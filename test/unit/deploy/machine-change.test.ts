// A machine that grew or shrank is noticed, and what another division would give is exact.

import t from 'tap';
import { GIB, MIB } from '../../../src/base/units.ts';
import { offerFor } from '../../../src/deploy/machine-change.ts';
import { parseRelease } from '../../../src/release/index.ts';
import {
  explainDifference,
  planSize,
  type SizingDemand,
  type SizingPlan,
} from '../../../src/sizing/index.ts';
import { sizingDemandFrom } from '../../../src/stack/index.ts';
import { releaseText } from '../stack/lab.ts';

const release = parseRelease(releaseText, 'compose.yaml');
const demand = sizingDemandFrom(release);
const machine = { cpus: 4, memoryBytes: 8 * GIB, diskBytes: 60 * GIB, rotational: false, fsyncMs: 3 };

function planFor(change: Partial<typeof machine> = {}, images = 700 * MIB): SizingPlan {
  const asked: SizingDemand = { ...demand, imageBytes: images };
  const result = planSize({ ...machine, ...change }, asked);
  if (!result.ok) throw new Error(result.shortfalls.map(({ message }) => message).join());
  return result.plan;
}

t.test('the same machine, or a few megabytes more or less, is no change', async (t) => {
  const plan = planFor();
  t.equal(offerFor(plan, machine, demand), undefined);
  t.equal(offerFor(plan, { ...machine, memoryBytes: machine.memoryBytes * 1.019 }, demand), undefined);
  t.equal(offerFor(plan, { ...machine, memoryBytes: machine.memoryBytes * 0.981 }, demand), undefined);
});

t.test(
  'what is offered is exactly the difference to a machine that had been so from the first',
  async (t) => {
    for (const change of [{ memoryBytes: 12 * GIB }, { cpus: 8 }, { cpus: 2, memoryBytes: 6 * GIB }]) {
      for (const images of [200 * MIB, 700 * MIB, 4 * GIB]) {
        const plan = planFor({}, images);
        const offer = offerFor(plan, { ...machine, ...change }, demand);
        t.strictSame(offer?.changes, explainDifference(plan, planFor(change, images)));
        t.ok(offer!.changes.length > 5);
        t.notOk(
          offer!.changes.some(({ service }) => service === 'disk'),
          'the disk did not change',
        );
      }
    }
  },
);

t.test('the sentence says what was and what is, and names no command', async (t) => {
  const { sentence } = offerFor(planFor(), { cpus: 1, memoryBytes: 12 * GIB }, demand)!;
  t.equal(
    sentence,
    'Onstead may use 1 CPU and 12.0 GB of memory now; its services were given their shares of 4 CPUs and 8.0 GB of memory. Nothing changes by itself.',
  );
  t.notMatch(sentence, /onstead [a-z]|`/);
});

t.test('too small a machine is told what it lacks', async (t) => {
  const offer = offerFor(planFor(), { cpus: 4, memoryBytes: 2 * GIB }, demand)!;
  t.match(
    offer.sentence,
    /That is too little: the release needs .* of memory, this machine has 2 GB: .* missing\.$/,
  );
  t.strictSame(offer.changes, []);
});
