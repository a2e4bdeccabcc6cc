// What preflight found, as an operation takes it: what forbids to begin, and what is only said. Pure.

import type { CheckResult, PreflightReport } from '../machine/index.ts';

/** The daemon that asks is itself what this check would find. */
const ASKS_OF_US = 'previous-install';
/** Where the stack runs already this tells how busy the disk is just now, not what it can do: a warning then. */
const OF_THE_MOMENT = 'flush-latency';

/** All that can forbid a way back. */
const OF_ROOM = /-space$|^inodes$|^writable$/;

export interface MachineVerdict {
  readonly count: number;
  readonly failed: readonly CheckResult[];
  readonly warned: readonly CheckResult[];
}

export function verdictOf(
  { checks }: PreflightReport,
  isInstalled: boolean,
  isBack: boolean | undefined = false,
): MachineVerdict {
  const isMoment = ({ id }: CheckResult): boolean =>
    (isInstalled && id === OF_THE_MOMENT) || (isBack && !OF_ROOM.test(id));
  const bad = checks.filter(({ status }) => status === 'fail');
  return {
    count: checks.length,
    failed: bad.filter((one) => !isMoment(one)),
    warned: checks.filter(
      (one) => (one.status === 'warn' && one.id !== ASKS_OF_US) || (bad.includes(one) && isMoment(one)),
    ),
  };
}
