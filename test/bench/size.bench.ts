// Sizing is quick enough to try every machine there is: from 1 to 128 CPUs, 2 GB to 1 TB, 20 GB to 20 TB.

import { defaultDemand, planSize, type SizingMachine } from '../../src/sizing/index.ts';
import { GIB } from '../../src/base/units.ts';
import type { Bench } from './bench.ts';
import { spreadText } from './statistics.ts';

const MACHINES = 10_000;

export const bench: Bench = {
  name: 'size',
  proves: `${MACHINES.toLocaleString('en')} different machines are sized in under a second.`,
  needs: [],
  runs: 7,
  run: async ({ measure, emit }) => {
    const machines = Array.from({ length: MACHINES }, (_, index) => machineAt(index));
    let planned = 0;
    const sample = await measure('sizing', () => {
      planned = machines.filter((machine) => planSize(machine, defaultDemand).ok).length;
    });
    emit({
      metric: `${MACHINES} machines`,
      value: sample.median,
      unit: 's',
      goal: { of: 'value', is: '<', than: 1 },
      runs: sample.runs,
      note: `${spreadText(sample)}; ${planned} planned, ${MACHINES - planned} refused as too small`,
    });
  },
};

/** No two alike: three ladders of different lengths, climbed together. */
function machineAt(index: number): SizingMachine {
  const along = (steps: number, from: number, to: number): number =>
    from * (to / from) ** ((index % steps) / (steps - 1));
  return {
    cpus: Number(along(23, 1, 128).toFixed(2)),
    memoryBytes: Math.round(along(29, 2, 1024) * GIB),
    diskBytes: Math.round(along(31, 20, 20 * 1024) * GIB),
    rotational: index % 2 === 0,
  };
}
