// The few numbers by which a machine is divided. Reads facts, decides nothing.

import { OnsteadError } from '../base/errors.ts';
import { isSpinning } from './block-devices.ts';
import type { FactName, MachineFacts } from './facts.ts';

export interface SizingNumbers {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly rotational: boolean | null;
  readonly fsyncMs?: number;
}

/**
 * `heldBytes` is what the appliance itself keeps on that disk already: sizing divides what it may fill.
 * The disk is the one under the engine's data, where the database and the objects live.
 */
export function sizingMachineFrom(facts: MachineFacts, heldBytes = 0): SizingNumbers {
  const { cpu, memory, disks } = facts;
  if (cpu === undefined) throw notKnown(facts, 'cpu', 'How many processors this machine has');
  if (memory === undefined) throw notKnown(facts, 'memory', 'How much memory this machine has');
  const disk = disks?.folders.find((folder) => folder.role === 'engine');
  if (disk === undefined) throw notKnown(facts, 'disks', 'How much disk this machine has');
  return {
    cpus: cpu.cpus,
    memoryBytes: memory.usableBytes,
    diskBytes: disk.freeBytes + heldBytes,
    rotational: isSpinning(disk),
    ...(disk.flush === null ? {} : { fsyncMs: disk.flush.medianMs }),
  };
}

function notKnown(facts: MachineFacts, name: FactName, what: string): OnsteadError {
  return new OnsteadError(
    'machine.unknown',
    `${what} is not known: ${facts.missing[name] ?? 'nobody looked'}.`,
    {
      next: 'Say it yourself, for example `onstead size --cpu 4 --memory 16G --disk 500G`.',
    },
  );
}
