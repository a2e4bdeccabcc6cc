// Is this machine good enough? Every check, over facts that were collected before; pure.

import { Type, type Static } from '../base/schema.ts';
import { messageOf } from '../base/errors.ts';
import { unknown, type Check, type Finding } from './checks/check.ts';
import { diskChecks } from './checks/disk.ts';
import { engineChecks } from './checks/engine.ts';
import { machineChecks } from './checks/machine.ts';
import { networkChecks } from './checks/network.ts';
import { settingChecks } from './checks/settings.ts';
import { systemChecks } from './checks/system.ts';
import { defaultDemand, type MachineDemand } from './demand.ts';
import type { MachineFacts } from './facts.ts';
import { printable } from './printable.ts';

export const CHECKS: readonly Check[] = [
  ...machineChecks,
  ...diskChecks,
  ...systemChecks,
  ...settingChecks,
  ...networkChecks,
  ...engineChecks,
];

const STATUSES = ['pass', 'warn', 'fail', 'skip', 'unknown'] as const;
const LONGEST_TEXT = 1_000;

export const CheckStatus = Type.Enum(STATUSES);
export type CheckStatus = (typeof STATUSES)[number];

export const CheckResult = Type.Object({
  id: Type.String(),
  area: Type.String(),
  title: Type.String(),
  status: CheckStatus,
  /** What was found; for `skip` and `unknown` the reason. */
  found: Type.String(),
  needed: Type.String(),
  /** The command or sentence that mends it; null where nothing needs mending. */
  fix: Type.Union([Type.String(), Type.Null()]),
});
export type CheckResult = Static<typeof CheckResult>;

export const PreflightReport = Type.Object({
  /** `fail` if any check fails; `warn` if any warns or is not known; else `pass`. */
  verdict: Type.Enum(['pass', 'warn', 'fail']),
  counts: Type.Object({
    pass: Type.Number(),
    warn: Type.Number(),
    fail: Type.Number(),
    skip: Type.Number(),
    unknown: Type.Number(),
  }),
  checks: Type.Array(CheckResult),
  /** What the collectors could not see, a sentence each. */
  unseen: Type.Array(Type.String()),
});
export type PreflightReport = Static<typeof PreflightReport>;

export function analyzeFacts(facts: MachineFacts, demand: MachineDemand = defaultDemand): PreflightReport {
  const checks = CHECKS.map((check) => resultOf(check, facts, demand));
  const count = (status: CheckStatus): number => checks.filter((one) => one.status === status).length;
  const counts = {
    pass: count('pass'),
    warn: count('warn'),
    fail: count('fail'),
    skip: count('skip'),
    unknown: count('unknown'),
  };
  const verdict = counts.fail > 0 ? 'fail' : counts.warn + counts.unknown > 0 ? 'warn' : 'pass';
  const unseen = Object.values(facts.unseen).flatMap((notes) => notes ?? []);
  return { verdict, counts, checks, unseen: unseen.map(clean) };
}

function resultOf(check: Check, facts: MachineFacts, demand: MachineDemand): CheckResult {
  const { id, area, title, needed, remedy } = check;
  const finding = judge(check, facts, demand);
  const base = { id, area, title, status: finding.status, found: clean(finding.found) };
  const needs = 'needed' in finding && finding.needed !== undefined ? finding.needed : needed;
  return { ...base, needed: clean(needs), fix: fixOf(finding, remedy) };
}

function clean(text: string): string {
  return printable(text, LONGEST_TEXT);
}

function fixOf(finding: Finding, remedy: string): string | null {
  if (finding.status === 'pass' || finding.status === 'skip') return null;
  if (finding.fix !== undefined) return clean(finding.fix);
  return finding.status === 'unknown' ? null : remedy;
}

/** A check that stumbles over odd facts has not passed; the others still speak. */
function judge(check: Check, facts: MachineFacts, demand: MachineDemand): Finding {
  try {
    return check.judge(facts, demand);
  } catch (error) {
    return unknown(`It could not be judged: ${messageOf(error)}.`);
  }
}
