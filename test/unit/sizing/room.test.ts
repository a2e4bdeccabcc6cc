// Memory for replicas beside the plan's, while an upgrade lasts.

import t from 'tap';
import { GIB, MIB } from '../../../src/base/units.ts';
import { defaultDemand, planSize, spareRoom } from '../../../src/sizing/index.ts';

function planFor(memoryBytes: number) {
  const result = planSize({ cpus: 4, memoryBytes, diskBytes: 100 * GIB, rotational: false }, defaultDemand);
  if (!result.ok) throw new Error('too small');
  return result.plan;
}

t.test(
  'on every machine that sizing accepts there is room for one more of the largest replica',
  async (t) => {
    for (const gigabytes of [4, 5, 8, 16, 64]) {
      t.ok(spareRoom(planFor(gigabytes * GIB)).bytes >= 256 * MIB, `${gigabytes} GB`);
    }
  },
);

t.test('it never reaches into what a service was given', async (t) => {
  const plan = planFor(8 * GIB);
  const given = plan.services.reduce((sum, one) => sum + one.replicas * one.memoryLimitBytes, 0);
  const { bytes, parts } = spareRoom(plan);
  t.ok(given + bytes <= plan.machine.memoryBytes);
  t.equal(
    parts.reduce((sum, part) => sum + part.bytes, 0),
    bytes,
  );
});

t.test(
  'memory that was taken from the machine since is not there, and never less than nothing',
  async (t) => {
    const plan = planFor(8 * GIB);
    const { bytes } = spareRoom(plan);
    t.equal(spareRoom(plan, 8 * GIB - 100 * MIB).bytes, bytes - 100 * MIB);
    t.equal(spareRoom(plan, 2 * GIB).bytes, 0);
    t.equal(spareRoom(plan, 16 * GIB).bytes, bytes, 'more is not taken without being asked');
  },
);
