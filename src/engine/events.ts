// What happens in the engine, as it happens. The stream outlives engine restarts and says when there was a gap.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { isOnsteadError } from '../base/errors.ts';
import { isRetryable } from './failures.ts';
import { readJsonLines } from './frames.ts';
import type { Link } from './link.ts';

export type EngineEvent =
  /** Subscribed: what is listed from now on misses nothing. */
  | { readonly kind: 'connected' }
  /** Subscribed again after a gap: list again, events were missed. */
  | { readonly kind: 'reconnected' }
  | EngineHappening;

export interface EngineHappening {
  readonly kind: 'event';
  /** `container`, `image`, `network`, `volume`, `daemon`. */
  readonly type: string;
  /** `start`, `die`, `oom`, `health_status`, … without what follows the colon: that may be a command with secrets. */
  readonly action: string;
  /** Of `health_status` alone: `healthy`, `unhealthy`. */
  readonly health?: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly at: Date;
}

export interface EventOptions {
  readonly signal?: AbortSignal;
  /** As the engine takes them: `{ type: ['container'], event: ['die', 'oom'], label: ['x=y'] }`. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** Ends only when the signal is aborted or the consumer stops; the first connection must succeed. */
export async function* readEvents(link: Link, options: EventOptions): AsyncGenerator<EngineEvent> {
  let kind: 'connected' | 'reconnected' = 'connected';
  let pauseMs = FIRST_PAUSE_MS;
  while (!options.signal?.aborted) {
    try {
      for await (const event of readOnce(link, options)) {
        yield event ?? { kind };
        kind = 'reconnected';
        pauseMs = FIRST_PAUSE_MS;
      }
    } catch (error) {
      if (options.signal?.aborted) return;
      if (kind === 'connected' || !canComeBack(error)) throw error;
    }
    await sleep(pauseMs, undefined, { signal: options.signal }).catch(() => {});
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

/** An engine that is starting answers 5xx for a moment, which is `refused`. */
function canComeBack(error: unknown): boolean {
  return isRetryable(error) || isOnsteadError(error, 'engine.refused');
}

/** Undefined once, when the subscription stands. */
async function* readOnce(
  link: Link,
  { signal, filters = {} }: EventOptions,
): AsyncGenerator<EngineHappening | undefined> {
  const about = 'watch its events';
  const stream = (await link.call(
    about,
    (docker, abortSignal) => docker.getEvents({ filters, abortSignal } as object),
    { signal },
  )) as Readable;
  try {
    yield undefined;
    for await (const line of readJsonLines(stream)) yield happeningFrom(line);
  } catch (error) {
    throw link.translate(error, about);
  } finally {
    stream.destroy();
  }
}

export function happeningFrom(line: Record<string, unknown>): EngineHappening {
  // The engine's own shape; fields that every API from 1.22 on has.
  const raw = line as {
    Type?: string;
    Action?: string;
    Actor?: { ID?: string; Attributes?: Record<string, string> };
    timeNano?: number;
  };
  const [action = '', detail] = (raw.Action ?? '').split(': ');
  return {
    kind: 'event',
    type: raw.Type ?? '',
    action,
    ...(action === 'health_status' && detail !== undefined ? { health: detail } : {}),
    id: raw.Actor?.ID ?? '',
    attributes: raw.Actor?.Attributes ?? {},
    at: new Date((raw.timeNano ?? 0) / 1e6),
  };
}
