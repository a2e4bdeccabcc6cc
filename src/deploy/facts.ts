// The appliance's durable facts, by name and shape, so that no two places spell a key differently.

import type { Journal } from '../journal/index.ts';
import type { Appointment } from './appointment.ts';
import type { Change, SizingPlan } from '../sizing/index.ts';

/** Another division of the machine, since its CPUs or memory changed. */
export interface MachineChange {
  readonly sentence: string;
  readonly changes: readonly Change[];
}

export interface InstalledRelease {
  readonly product: string;
  readonly title: string;
  readonly version: string;
  readonly project: string;
  readonly keyId: string;
  /** The digest of the bundle's signed list. */
  readonly bundle: string;
  readonly installedAt: string;
}

interface Facts {
  /** What a machine that grew or shrank could be divided into; offered, not taken. */
  machineChange: MachineChange | null;
  installed: InstalledRelease;
  sizing: SizingPlan;
  /** The upgrade that is planned for later, or was. */
  appointment: Appointment;
  /** The image that the edge's namespace was first made from. */
  holderImage: string;
  /** The release's name of a volume → the engine's name of the one that holds its data, where a restore made a new one. */
  volumes: Readonly<Record<string, string>>;
  /** The operation that named other volumes last, and those it found; they are kept until it is committed. */
  restored: {
    readonly operation: string;
    readonly before: Readonly<Record<string, string>>;
    /** The data is what it should be; whoever writes may not be back yet. */
    readonly isDone?: true;
    /** And they are. */
    readonly isOver?: true;
  };
  /** The operation that moved data to copies of its volumes, and the volumes it found. */
  moved: { readonly operation: string; readonly before: Readonly<Record<string, string>> };
}

export function readFact<Key extends keyof Facts>(journal: Journal, key: Key): Facts[Key] | undefined {
  return journal.fact<Facts[Key]>(key);
}

export function writeFact<Key extends keyof Facts>(journal: Journal, key: Key, value: Facts[Key]): void {
  journal.setFact(key, value);
}

export function clearFact(journal: Journal, key: keyof Facts): void {
  journal.clearFact(key);
}

/** The volume that holds the data of this key now. */
export function volumeNameOf(journal: Journal, project: string, key: string): string {
  return readFact(journal, 'volumes')?.[key] ?? `${project}_${key}`;
}
