// Which facts there are, and their types, which come from the schemas.

import { Type, type Static } from '../base/schema.ts';
import * as schemas from './fact-schemas.ts';

/** One file in the facts folder for each: `cpu.json`, `memory.json`, … */
export const FACTS = {
  cpu: schemas.CpuFacts,
  memory: schemas.MemoryFacts,
  disks: schemas.DisksFacts,
  network: schemas.NetworkFacts,
  firewall: schemas.FirewallFacts,
  os: schemas.OsFacts,
  cgroup: schemas.CgroupFacts,
  clock: schemas.ClockFacts,
  limits: schemas.LimitsFacts,
  kernel: schemas.KernelFacts,
  ports: schemas.PortsFacts,
  paths: schemas.PathsFacts,
  engine: schemas.EngineFacts,
} as const;

export type FactName = keyof typeof FACTS;
export type AllFacts = { readonly [N in FactName]: Static<(typeof FACTS)[N]> };
export const FACT_NAMES = Object.keys(FACTS) as FactName[];

/** What could be found out. A fact that is not here stands in `missing` with the reason. */
export type MachineFacts = Partial<AllFacts> & {
  readonly missing: { readonly [N in FactName]?: string };
  /** What a collector could not see although it ran: a sentence each. */
  readonly unseen: { readonly [N in FactName]?: readonly string[] };
};

export type CpuFacts = AllFacts['cpu'];
export type MemoryFacts = AllFacts['memory'];
export type DisksFacts = AllFacts['disks'];
export type DiskFolder = Static<typeof schemas.DiskFolder>;
export type FolderRole = Static<typeof schemas.FolderRole>;
export type FlushFacts = Static<typeof schemas.FlushFacts>;
export type NetworkFacts = AllFacts['network'];
export type NetworkInterface = Static<typeof schemas.NetworkInterface>;
export type FirewallFacts = AllFacts['firewall'];
export type OsFacts = AllFacts['os'];
export type CgroupFacts = AllFacts['cgroup'];
export type CgroupLimits = Static<typeof schemas.CgroupLimits>;
export type ClockFacts = AllFacts['clock'];
export type LimitsFacts = AllFacts['limits'];
export type KernelFacts = AllFacts['kernel'];
export type PortsFacts = AllFacts['ports'];
export type PortHolder = Static<typeof schemas.PortHolder>;
export type PathsFacts = AllFacts['paths'];
export type EngineFacts = AllFacts['engine'];
export type EngineDetails = Static<typeof schemas.EngineDetails>;
export type EngineContainer = Static<typeof schemas.EngineContainer>;

const TookMs = Type.Number({ minimum: 0 });

/** What stands in each file. */
export const FactsFile = Type.Union([
  Type.Object({ facts: Type.Unknown(), unseen: Type.Array(Type.String()), tookMs: TookMs }),
  Type.Object({ error: Type.String(), tookMs: TookMs }),
]);
export type FactsFile = Static<typeof FactsFile>;
