// Waits until containers are healthy, woken by the engine's events and by a poll that misses nothing, and fails as
// soon as one cannot become healthy any more, with the reason and its last words.

import { OnsteadError } from '../base/errors.ts';
import type { ContainerFacts, ContainerHealth, ContainerStatus } from './container-facts.ts';
import { isRetryable, lost } from './failures.ts';
import { readEvents } from './events.ts';
import type { JudgeRules, LossReason, Verdict } from './health.ts';
import { judge, nextFor } from './health.ts';
import type { Link } from './link.ts';
import { readLogs } from './logs.ts';

export interface HealthState {
  readonly id: string;
  readonly name: string;
  readonly status: ContainerStatus | 'removed';
  readonly health: ContainerHealth;
  readonly ready: boolean;
  /** For people, of what is not ready. */
  readonly why: string;
}

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Called when the state of one changes. */
  readonly onState?: (state: HealthState) => void;
  /** Default 3. */
  readonly restartLimit?: number;
  /** For containers without a health check. Default 2 s. */
  readonly settleMs?: number;
  /** How long one may stay unhealthy before it is given up. Default 60 s. */
  readonly unhealthyLimitMs?: number;
  /** Default 1 s; events make it faster. */
  readonly pollMs?: number;
}

type Inspect = (id: string) => Promise<ContainerFacts | undefined>;

const LAST_LINES = 20;
const AWAY_AT_MOST_MS = 10_000;

export async function waitUntilHealthy(
  link: Link,
  inspect: Inspect,
  ids: readonly string[],
  options: WaitOptions,
): Promise<readonly ContainerFacts[]> {
  const over = new AbortController();
  const bell = new Bell();
  const watches = ids.map((id) => new Watch(id, options));
  const listening = listen(link, watches, bell, over.signal);
  try {
    return await pollAll(link, inspect, watches, bell, options);
  } finally {
    over.abort();
    await listening;
  }
}

async function pollAll(
  link: Link,
  inspect: Inspect,
  watches: readonly Watch[],
  bell: Bell,
  options: WaitOptions,
): Promise<readonly ContainerFacts[]> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const verdicts = await Promise.all(watches.map((watch) => look(inspect, watch, bell)));
    const ended = verdicts.findIndex(({ kind }) => kind === 'lost');
    if (ended !== -1 && bell.engineWasAway) throw engineWasAway(watches[ended]!);
    if (ended !== -1) throw await failure(link, watches[ended]!, verdicts[ended]!);
    const late = verdicts.findIndex(({ kind }) => kind === 'waiting');
    if (late === -1) return watches.map((watch) => watch.facts!);
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw await failure(link, watches[late]!, verdicts[late]!);
    await bell.wait(Math.min(options.pollMs ?? 1_000, leftMs), options.signal);
  }
}

/** An engine that is away for a moment is no verdict on a container. */
async function look(inspect: Inspect, watch: Watch, bell: Bell): Promise<Verdict> {
  try {
    const verdict = watch.judge(await inspect(watch.id));
    bell.awaySinceMs = undefined;
    return verdict;
  } catch (error) {
    bell.awaySinceMs ??= performance.now();
    // Whoever asked for the wait decides how long an engine may stay away; here it is only a moment.
    if (!isRetryable(error) || performance.now() - bell.awaySinceMs > AWAY_AT_MOST_MS) throw error;
    bell.engineWasAway = true;
    return { kind: 'waiting', why: (error as Error).message };
  }
}

class Watch {
  readonly id: string;
  oomSeen = false;
  facts: ContainerFacts | undefined;
  #name: string;
  #firstRestarts: number | undefined;
  #runningSince = { started: 0, sawMs: 0 };
  #unhealthySinceMs: number | undefined;
  #told = '';
  readonly #rules: JudgeRules;
  readonly #onState: ((state: HealthState) => void) | undefined;

  constructor(id: string, options: WaitOptions) {
    this.id = id;
    this.#name = id.slice(0, 12);
    this.#rules = {
      restartLimit: options.restartLimit ?? 3,
      settleMs: options.settleMs ?? 2_000,
      unhealthyLimitMs: options.unhealthyLimitMs ?? 60_000,
    };
    this.#onState = options.onState;
  }

  get name(): string {
    return this.#name;
  }

  judge(facts: ContainerFacts | undefined): Verdict {
    this.facts = facts;
    this.#name = facts?.name ?? this.#name;
    this.#firstRestarts ??= facts?.restarts;
    const watched = {
      firstRestarts: this.#firstRestarts ?? 0,
      oomSeen: this.oomSeen,
      steadyMs: this.#steadyMs(facts),
      unhealthyMs: this.#unhealthyMs(facts),
    };
    const verdict = judge(facts, watched, this.#rules);
    this.#tell(verdict);
    return verdict;
  }

  #steadyMs(facts: ContainerFacts | undefined): number {
    const started = facts?.status === 'running' ? (facts.started?.getTime() ?? 0) : 0;
    if (started !== this.#runningSince.started) this.#runningSince = { started, sawMs: performance.now() };
    return started === 0 ? 0 : performance.now() - this.#runningSince.sawMs;
  }

  #unhealthyMs(facts: ContainerFacts | undefined): number {
    if (facts?.status !== 'running' || facts.health !== 'unhealthy') this.#unhealthySinceMs = undefined;
    else this.#unhealthySinceMs ??= performance.now();
    return this.#unhealthySinceMs === undefined ? 0 : performance.now() - this.#unhealthySinceMs;
  }

  #tell(verdict: Verdict): void {
    const state: HealthState = {
      id: this.id,
      name: this.#name,
      status: this.facts?.status ?? 'removed',
      health: this.facts?.health ?? 'none',
      ready: verdict.kind === 'ready',
      why: verdict.kind === 'ready' ? '' : verdict.why,
    };
    const told = JSON.stringify(state);
    if (told !== this.#told) this.#onState?.(state);
    this.#told = told;
  }
}

/** Rings when something happened; a ring while nobody waits is kept. */
class Bell {
  engineWasAway = false;
  awaySinceMs: number | undefined;
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  wait(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        this.#wake = undefined;
        this.#rung = false;
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      signal?.addEventListener('abort', done, { once: true });
      this.#wake = done;
      if (this.#rung || signal?.aborted) done();
    });
  }
}

/** Events only make it faster and see an OOM kill that a quick restart would hide; the poll alone is enough. */
async function listen(link: Link, watches: readonly Watch[], bell: Bell, signal: AbortSignal): Promise<void> {
  const filters = {
    type: ['container'],
    event: ['start', 'die', 'oom', 'destroy', 'health_status'],
    container: watches.map(({ id }) => id),
  };
  try {
    for await (const event of readEvents(link, { signal, filters })) {
      if (event.kind === 'event' && event.action === 'oom') {
        const hit = watches.find(
          ({ id, name }) => event.id.startsWith(id) || event.attributes['name'] === name,
        );
        if (hit !== undefined) hit.oomSeen = true;
      }
      if (event.kind === 'reconnected') bell.engineWasAway = true;
      bell.ring();
    }
  } catch {
    // The poll goes on without.
  }
}

/** An engine that restarts ends containers and may not start them again: whoever started them has to, once more. */
function engineWasAway({ name }: Watch): OnsteadError {
  return lost(`wait for the container "${name}", which ended with the engine`);
}

async function failure(link: Link, watch: Watch, verdict: Verdict): Promise<OnsteadError> {
  const reason: LossReason = verdict.kind === 'lost' ? verdict.reason : 'timeout';
  const why = verdict.kind === 'ready' ? '' : verdict.why;
  const lines = await lastLines(link, watch.id);
  const service = watch.facts?.service;
  const said = reason === 'timeout' ? `was not healthy in time: ${why}` : `will not become healthy: ${why}`;
  return new OnsteadError('engine.not-healthy', `Container "${watch.name}" ${said}.`, {
    next: nextFor(reason),
    details: [
      {
        message: lines.join('\n'),
        reason,
        container: watch.name,
        ...(service === undefined ? {} : { service }),
        ...(watch.facts === undefined ? {} : { exitCode: watch.facts.exitCode }),
      },
    ],
  });
}

async function lastLines(link: Link, id: string): Promise<readonly string[]> {
  const lines: string[] = [];
  try {
    for await (const { line } of readLogs(link, id, { tail: LAST_LINES })) lines.push(line);
  } catch {
    // Removed, or a log driver that cannot be read: the reason alone must do.
  }
  return lines;
}
