// What a check is. It judges facts and touches nothing; what it cannot know it says, and never passes.

import type { MachineDemand } from '../demand.ts';
import type { AllFacts, FactName, MachineFacts, OsFacts } from '../facts.ts';

export type Area = 'machine' | 'disk' | 'system' | 'network' | 'engine';

export type Finding =
  | { readonly status: 'pass'; readonly found: string; readonly needed?: string }
  | {
      readonly status: 'warn' | 'fail';
      readonly found: string;
      readonly needed?: string;
      readonly fix?: string;
    }
  /** Skipped: it does not apply here. Unknown: it does, and nobody can tell. */
  | { readonly status: 'skip' | 'unknown'; readonly found: string; readonly fix?: string };

export interface CheckText {
  /** Stable: scripts and documents name it. */
  readonly id: string;
  readonly area: Area;
  readonly title: string;
  /** What is needed, in general; a finding may say it with numbers. */
  readonly needed: string;
  /** What a person does about it; a finding may say it with names. */
  readonly remedy: string;
}

export interface Check extends CheckText {
  readonly needs: readonly FactName[];
  judge(facts: MachineFacts, demand: MachineDemand): Finding;
}

/** The facts that a check needs are there when `judge` runs; without them the answer is "unknown". */
export function check<N extends FactName>(
  text: CheckText & {
    readonly needs: readonly N[];
    readonly judge: (facts: Pick<AllFacts, N> & MachineFacts, demand: MachineDemand) => Finding;
  },
): Check {
  return {
    ...text,
    judge(facts, demand) {
      const absent = text.needs.find((name) => facts[name] === undefined);
      if (absent !== undefined) return unknown(facts.missing[absent] ?? `nothing is known about ${absent}`);
      // Every fact that it needs was just seen to be there.
      return text.judge(facts as Pick<AllFacts, N> & MachineFacts, demand);
    },
  };
}

export function pass(found: string, needed?: string): Finding {
  return { status: 'pass', found, ...(needed === undefined ? {} : { needed }) };
}

interface Advice {
  readonly needed?: string;
  readonly fix?: string;
}

export function warn(found: string, advice: Advice = {}): Finding {
  return { status: 'warn', found, ...advice };
}

export function fail(found: string, advice: Advice = {}): Finding {
  return { status: 'fail', found, ...advice };
}

export function skip(reason: string): Finding {
  return { status: 'skip', found: reason };
}

export function unknown(reason: string, fix?: string): Finding {
  return { status: 'unknown', found: reason, ...(fix === undefined ? {} : { fix }) };
}

/** Debian's and Ubuntu's command, or the RHEL family's; elsewhere both. */
export function forFamily(os: OsFacts | undefined, debian: string, rhel: string): string {
  if (os?.family === 'debian') return debian;
  if (os?.family === 'rhel') return rhel;
  return debian === rhel ? debian : `${debian} (RHEL family: ${rhel})`;
}
