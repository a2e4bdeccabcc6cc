// The appliance's durable facts, by name and shape, so that no two places spell a key differently.

import type { Journal } from '../journal/index.ts';
import type { Appointment } from './appointment.ts';
import type { Change, SizingPlan } from '../sizing/index.ts';
import type { ObjectCut, SweepPlace } from '../stack/index.ts';

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

/** What the data was while nobody wrote: the transactions of each database that could be asked, and a cut of each store. */
export interface Moment {
  readonly gtids: Readonly<Record<string, string>>;
  readonly stores: readonly { readonly service: string; readonly cut: ObjectCut }[];
}

/** An operation that names other volumes for the data, and how far it is. */
export interface Restored {
  readonly operation: string;
  /** The volumes that it found; they are kept until it is committed, or longer where a point names them. */
  readonly before: Readonly<Record<string, string>>;
  /** The data of before, as nobody wrote any more and nothing was put in place yet. */
  readonly held?: Moment;
  /** From now on objects may be others than then. */
  readonly hasObjects?: true;
  /** The data is what it should be, as this says; whoever writes may not be back yet. */
  readonly done?: Moment;
  /** And they are. */
  readonly isOver?: true;
  /** It is being taken back. */
  readonly isTurning?: true;
  /** And the data of before is in place again, to the last row and object. */
  readonly isBack?: true;
  /** And so is whoever writes. */
  readonly isHome?: true;
  /** In a sentence, what the operation gave up and where it is. */
  readonly lost?: string;
}

/** `theirs`: the bucket kept versions before Onstead asked it to. */
export type VersionsOf = 'ours' | 'theirs';

/** Of Onstead and its data, at that time. */
export interface DiskUse {
  readonly bytes: number;
  readonly at: string;
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
  /** Whose versions a bucket keeps, by `service/bucket`. */
  versions: Readonly<Record<string, VersionsOf>>;
  diskUse: DiskUse;
  /** How far clearing away versions of objects is. */
  swept: { readonly service: string; readonly from?: SweepPlace };
}

/** Of the data of one project: a scratch stack's is another one's than the stack's. */
interface DataFacts {
  /** The release's name of a volume → the engine's name of the one that holds its data, where a restore made a new one. */
  volumes: Readonly<Record<string, string>>;
  /** The operation that named other volumes last. */
  restored: Restored;
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

export function readDataFact<Key extends keyof DataFacts>(
  journal: Journal,
  project: string,
  key: Key,
): DataFacts[Key] | undefined {
  return journal.fact<DataFacts[Key]>(keyOf(project, key));
}

export function writeDataFact<Key extends keyof DataFacts>(
  journal: Journal,
  project: string,
  key: Key,
  value: DataFacts[Key],
): void {
  journal.setFact(keyOf(project, key), value);
}

export function clearDataFact(journal: Journal, project: string, key: keyof DataFacts): void {
  journal.clearFact(keyOf(project, key));
}

/** Facts that older Onsteads kept without a project were named so by the journal when it was opened. */
function keyOf(project: string, key: keyof DataFacts): string {
  return `${key}/${project}`;
}
