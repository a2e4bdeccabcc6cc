// The face of `machine`: what this computer is, and whether it is good enough.

export { collectFacts, detectMachine, type CollectOptions } from './collect.ts';
export { detectMachineApart, type DetectOptions } from './detect-apart.ts';
export { readFacts } from './facts-folder.ts';
export { FACT_NAMES, type FactName, type MachineFacts } from './facts.ts';
export type {
  CgroupFacts,
  ClockFacts,
  CpuFacts,
  DiskFolder,
  DisksFacts,
  EngineFacts,
  FirewallFacts,
  FlushFacts,
  KernelFacts,
  LimitsFacts,
  MemoryFacts,
  NetworkFacts,
  OsFacts,
  PathsFacts,
  PortHolder,
  PortsFacts,
} from './facts.ts';
export { defaultDemand, type MachineDemand } from './demand.ts';
export { analyzeFacts, CHECKS, CheckResult, CheckStatus, PreflightReport } from './preflight.ts';
export type { Check } from './checks/check.ts';
export { sizingMachineFrom, type SizingNumbers } from './sizing-machine.ts';
