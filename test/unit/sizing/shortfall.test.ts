// A machine that is too small is refused with exactly what is missing.

import t from 'tap';
import { GIB, MIB, TIB } from '../../../src/base/units.ts';
import { defaultDemand, planSize } from '../../../src/sizing/index.ts';
import type { Shortfall, SizingDemand, SizingMachine } from '../../../src/sizing/index.ts';
import { appOnly, busyDemand } from './machines.ts';

function refusal(machine: SizingMachine, demand: SizingDemand): Shortfall[] {
  const result = planSize(machine, demand);
  return result.ok ? [] : result.shortfalls;
}

function grown(machine: SizingMachine, shortfalls: readonly Shortfall[]): SizingMachine {
  const missing = (dimension: Shortfall['dimension']): number =>
    shortfalls.find((shortfall) => shortfall.dimension === dimension)?.missing ?? 0;
  return {
    ...machine,
    cpus: machine.cpus + missing('cpus'),
    memoryBytes: machine.memoryBytes + missing('memory'),
    diskBytes: machine.diskBytes + missing('disk'),
  };
}

for (const [name, demand] of Object.entries({ default: defaultDemand, busy: busyDemand, app: appOnly })) {
  t.test(`adding exactly what is missing makes the ${name} demand fit, and no less does`, async (t) => {
    for (let step = 0; step < 40; step += 1) {
      const small = {
        cpus: step * 0.0073,
        memoryBytes: step * 7 * MIB + step * 13,
        diskBytes: step * 11 * MIB + step,
        rotational: null,
      };
      const shortfalls = refusal(small, demand);
      t.equal(shortfalls.length, 3);
      const enough = grown(small, shortfalls);
      t.ok(planSize(enough, demand).ok);
      t.same(dimensions({ ...enough, memoryBytes: enough.memoryBytes - 1 }, demand), ['memory']);
      t.same(dimensions({ ...enough, diskBytes: enough.diskBytes - 1 }, demand), ['disk']);
      t.same(dimensions({ ...enough, cpus: enough.cpus - 0.000_001 }, demand), ['cpus']);
    }
  });
}

function dimensions(machine: SizingMachine, demand: SizingDemand): string[] {
  return refusal(machine, demand).map((shortfall) => shortfall.dimension);
}

t.test('a refusal says in words what it is made of, and its parts add up', async (t) => {
  const machine = { cpus: 0.5, memoryBytes: Math.round(1.9 * GIB), diskBytes: TIB, rotational: true };
  const shortfalls = refusal(machine, defaultDemand);
  t.same(
    shortfalls.map((shortfall) => shortfall.message),
    [
      'needs 1 CPU, this machine has 0.5 CPUs: 0.5 CPUs are missing',
      'needs 3.5 GB of memory, this machine has 1.9 GB: 1.6 GB are missing',
    ],
  );
  for (const { needed, found, missing, parts } of shortfalls) {
    const total = parts.reduce((sum, part) => sum + part.amount, 0);
    t.ok(Math.abs(total - needed) < 1e-9);
    t.equal(needed - found, missing);
  }
});

t.test('a machine sold as 2 CPUs, 4 GB and 20 GB of disk is enough for the default stack', async (t) => {
  const sold = { cpus: 2, memoryBytes: Math.floor(3.8 * GIB), diskBytes: 16.5 * GIB, rotational: null };
  t.ok(planSize(sold, defaultDemand).ok);
  t.ok(planSize({ ...sold, cpus: 1 }, defaultDemand).ok);
  t.notOk(planSize({ ...sold, memoryBytes: 3.4 * GIB }, defaultDemand).ok);
});
