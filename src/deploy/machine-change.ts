// What another division of a machine that grew or shrank would give. Pure; it offers and changes nothing.

import { explainDifference, planSize } from '../sizing/index.ts';
import type { SizingDemand, SizingMachine, SizingPlan } from '../sizing/index.ts';
import type { MachineChange } from './facts.ts';

/** Sizing plans room for so many releases: their share tells how large the images were when it was asked. */
const RELEASES_PLANNED = 3;

/** Undefined where CPUs and memory are as they were. `now` is what Onstead may use of the machine. */
export function offerFor(
  plan: SizingPlan,
  now: Pick<SizingMachine, 'cpus' | 'memoryBytes'>,
  demand: SizingDemand,
): MachineChange | undefined {
  const before = plan.machine;
  if (now.cpus === before.cpus && isAbout(now.memoryBytes, before.memoryBytes)) return undefined;
  // The disk fills as it is used and is never equally fast; that is no reason to divide anew.
  const machine = { ...before, cpus: now.cpus, memoryBytes: now.memoryBytes };
  const result = planSize(machine, { ...demand, ...imagesOf(plan) });
  const changed = `Onstead may use ${inWords(machine)} now; its services were given their shares of ${inWords(before)}.`;
  if (result.ok) {
    return {
      sentence: `${changed} Nothing changes by itself.`,
      changes: explainDifference(plan, result.plan),
    };
  }
  const lacks = result.shortfalls.map(({ message }) => message).join('; and ');
  return { sentence: `${changed} That is too little: the release ${lacks}.`, changes: [] };
}

function imagesOf(plan: SizingPlan): Pick<SizingDemand, 'imageBytes'> {
  const share = plan.disk.find(({ name }) => name === 'images');
  return share === undefined ? {} : { imageBytes: share.bytes / RELEASES_PLANNED };
}

/** Kernels report a few megabytes more or less from boot to boot. */
function isAbout(left: number, right: number): boolean {
  return Math.abs(left - right) < right * 0.02;
}

function inWords({ cpus, memoryBytes }: Pick<SizingMachine, 'cpus' | 'memoryBytes'>): string {
  return `${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'} and ${(memoryBytes / 1024 ** 3).toFixed(1)} GB of memory`;
}
