// One thing that can be wrong with a healthy machine, and what preflight makes of it.

import { defaultDemand, type MachineDemand } from '../../../../src/machine/demand.ts';
import type { MachineFacts } from '../../../../src/machine/facts.ts';
import { analyzeFacts, type CheckStatus } from '../../../../src/machine/preflight.ts';
import { healthyFacts, type Draft } from '../fixtures/healthy.ts';

export interface Case {
  readonly when: string;
  readonly id: string;
  readonly status: CheckStatus;
  readonly change: (facts: Draft) => void;
  readonly demand?: Partial<MachineDemand>;
  /** What the person must be told. */
  readonly says?: RegExp;
  readonly fix?: RegExp;
}

/** What is asked for beside the defaults. */
export const RELEASE: Partial<MachineDemand> = { arch: 'x64', project: 'notes' };

export function judgeOne(one: Case): { status: string; found: string; fix: string | null; needed: string } {
  const facts = healthyFacts();
  one.change(facts);
  const demand = { ...defaultDemand, ...RELEASE, ...one.demand };
  return analyzeFacts(facts as MachineFacts, demand).checks.find((check) => check.id === one.id)!;
}

export const disk = (facts: Draft, role: string): Draft['disks']['folders'][number] =>
  facts.disks.folders.find((folder) => folder.role === role)!;
export const engine = (facts: Draft): NonNullable<Draft['engine']['details']> => facts.engine.details!;
export const someone = {
  id: 'b7'.repeat(32),
  name: 'their-db',
  image: 'postgres',
  running: true,
  project: 'shop',
  ours: false,
  publishedPorts: [],
};
export const nothing = (): void => {};
