// Whether a container that is being waited for is there, on its way, or lost. Pure: it judges one look at a time.

import { formatBytes, formatDuration } from '../base/units.ts';
import type { ContainerFacts } from './container-facts.ts';

export type LossReason =
  'exited' | 'crash-loop' | 'unhealthy' | 'oom-killed' | 'removed' | 'not-started' | 'timeout';

export type Verdict =
  | { readonly kind: 'ready' }
  | { readonly kind: 'waiting'; readonly why: string }
  | { readonly kind: 'lost'; readonly reason: LossReason; readonly why: string };

/** What was seen of one container since the waiting began. */
export interface Watched {
  readonly firstRestarts: number;
  readonly oomSeen: boolean;
  /** How long it has been running without a restart, as far as we saw. */
  readonly steadyMs: number;
  /** How long the engine has called it unhealthy without a pause, as far as we saw. */
  readonly unhealthyMs: number;
}

export interface JudgeRules {
  /** Restarts during the wait that make a crash loop. */
  readonly restartLimit: number;
  /** A container without a health check counts as ready after running for so long. */
  readonly settleMs: number;
  /** The engine's verdict comes after all of the check's retries; what lasts longer than this will not recover. */
  readonly unhealthyLimitMs: number;
}

export function judge(facts: ContainerFacts | undefined, watched: Watched, rules: JudgeRules): Verdict {
  if (facts === undefined) return lost('removed', 'it was removed');
  const restarted = facts.restarts - watched.firstRestarts;
  const down = facts.status === 'exited' || facts.status === 'dead' || facts.status === 'restarting';
  if ((facts.oomKilled && down) || (watched.oomSeen && (down || restarted > 0))) {
    return lost('oom-killed', `it was killed for using more than its ${limitOf(facts)} of memory`);
  }
  if (restarted >= rules.restartLimit) {
    return lost(
      'crash-loop',
      `it restarted ${restarted} times, the last time with exit code ${facts.exitCode}`,
    );
  }
  if (facts.status === 'exited' || facts.status === 'dead') {
    return lost('exited', `it ended with exit code ${facts.exitCode}${reasonOf(facts)}`);
  }
  if (facts.status === 'created' && facts.error !== '') return lost('not-started', facts.error);
  if (facts.status !== 'running') return waiting(`it is ${facts.status}`);
  return judgeRunning(facts, watched, rules);
}

function judgeRunning(facts: ContainerFacts, watched: Watched, rules: JudgeRules): Verdict {
  if (facts.health === 'healthy') return { kind: 'ready' };
  if (facts.health === 'none') {
    return watched.steadyMs >= rules.settleMs ? { kind: 'ready' } : waiting('it has just started');
  }
  const said =
    facts.healthOutput === '' ? '' : `; its last health check said: ${firstLine(facts.healthOutput)}`;
  if (facts.health === 'unhealthy' && watched.unhealthyMs >= rules.unhealthyLimitMs) {
    return lost('unhealthy', `it has been unhealthy for ${formatDuration(watched.unhealthyMs)}${said}`);
  }
  return waiting(`its health is "${facts.health}"${said}`);
}

function lost(reason: LossReason, why: string): Verdict {
  return { kind: 'lost', reason, why };
}

function waiting(why: string): Verdict {
  return { kind: 'waiting', why };
}

function limitOf(facts: ContainerFacts): string {
  return facts.memoryLimitBytes > 0 ? formatBytes(facts.memoryLimitBytes) : 'share';
}

function reasonOf(facts: ContainerFacts): string {
  return facts.error === '' ? '' : ` (${facts.error})`;
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 200);
}

const NEXT: Record<LossReason, string> = {
  exited: 'Read its last lines below; the cause is usually in them.',
  'crash-loop': 'Read its last lines below; the cause is usually in them.',
  unhealthy:
    'Read its last lines below; if it is only slow to start, give its health check a longer start_period.',
  'oom-killed': 'Give it more memory, or find what makes it use so much.',
  removed: 'Find out who removed it ("onstead audit"), then run this again.',
  'not-started': 'Correct the cause that is named, then run this again.',
  timeout: 'Read its last lines below; if it is only slow, allow it more time.',
};

export function nextFor(reason: LossReason): string {
  return NEXT[reason];
}
