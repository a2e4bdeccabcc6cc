// Reads what the edge's clients were answered from the log of nginx, through the engine: a window that is past, or
// what comes from now on.

import { OnsteadError } from '../../base/errors.ts';
import type { Edge } from '../edge/steer.ts';
import { Traffic } from './traffic.ts';

/** Of a past window only the newest lines are read, so that a busy edge is not read for minutes. */
const PAST_LINES = 50_000;
const SLICE_MS = 5_000;
const WINDOW_MS = 60_000;

export type EdgeLog = Pick<Edge, 'engine' | 'project' | 'service'>;

export async function readTraffic(
  edge: EdgeLog,
  window: { readonly since: Date; readonly until: Date },
  signal?: AbortSignal,
): Promise<Traffic> {
  const traffic = new Traffic();
  const more = signal === undefined ? {} : { signal };
  for (const id of await containersOf(edge)) {
    const lines = edge.engine.containers.logs(id, { ...window, ...more, tail: PAST_LINES });
    for await (const { line, at } of lines) traffic.add(line, at);
  }
  return traffic;
}

export interface TrafficFollower {
  /** Of the last minute, or since it was begun. */
  now(): Traffic;
  /** Why it sees nothing any more. */
  readonly failure: unknown;
  stop(): Promise<void>;
}

/** Sees what comes until it is stopped. Where the log cannot be read it says so and stays. */
export function followTraffic(edge: EdgeLog, since: Date): TrafficFollower {
  const over = new AbortController();
  const recent = new RecentTraffic();
  const state: { failure: unknown } = { failure: undefined };
  const reading = readOn(edge, since, recent, over.signal).catch((error: unknown) => {
    if (!over.signal.aborted) state.failure = error;
  });
  return {
    now: () => recent.sum(),
    get failure() {
      return state.failure;
    },
    async stop() {
      over.abort();
      await reading;
    },
  };
}

async function readOn(edge: EdgeLog, since: Date, recent: RecentTraffic, signal: AbortSignal): Promise<void> {
  await Promise.all(
    (await containersOf(edge)).map(async (id) => {
      const lines = edge.engine.containers.logs(id, { since, tail: PAST_LINES, follow: true, signal });
      for await (const { line, at } of lines) recent.add(line, at);
    }),
  );
}

/** Slices of some seconds, of which the oldest is forgotten: what is bad now is not hidden by a good hour. */
class RecentTraffic {
  readonly #slices: { readonly fromMs: number; readonly traffic: Traffic }[] = [];

  add(line: string, at: Date): void {
    const fromMs = Math.floor(at.getTime() / SLICE_MS) * SLICE_MS;
    if (this.#slices.length === 0 || this.#slices.at(-1)!.fromMs < fromMs) {
      this.#slices.push({ fromMs, traffic: new Traffic() });
    }
    this.#slices.at(-1)!.traffic.add(line, at);
    while (this.#slices[0]!.fromMs < fromMs - WINDOW_MS) this.#slices.shift();
  }

  sum(): Traffic {
    const all = new Traffic();
    for (const { traffic } of this.#slices) all.addAll(traffic);
    return all;
  }
}

async function containersOf({ engine, project, service }: EdgeLog): Promise<string[]> {
  const all = await engine.containers.list({ project, service });
  const found = all.filter(({ oneOff }) => !oneOff).map(({ id }) => id);
  if (found.length > 0) return found;
  throw new OnsteadError('edge.no-log', `The edge has no container "${service}" whose log could be read.`, {
    next: 'Run the installation again: it puts the stack right.',
  });
}
