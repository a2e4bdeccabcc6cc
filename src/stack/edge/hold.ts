// Requests wait at the edge for a short while instead of failing: while a data service is replaced, say. First nginx is
// told to ask before each request, with everything still going on; then asking takes as long as the work does.

import { drainEdge, changeEdge, runningContainers, type Edge } from './steer.ts';
import { startHoldServer, type HoldServer } from './hold-server.ts';
import { requestsUnderWay } from './status.ts';
import { askingFirst, notAsking } from './upstreams.ts';

export interface HoldOptions {
  /** After this long everything goes on, whether the work has ended or not: the app's own answer is the truest. */
  readonly limitMs: number;
  /** For requests that were let through before. Default 5 s; what takes longer (a websocket, a download) goes on. */
  readonly quietWithinMs?: number;
  readonly signal: AbortSignal;
  /** Once, when everything goes on again: what requests met, as the edge saw it. */
  readonly told?: (seen: HoldSeen) => unknown;
}

export type HoldSeen =
  | {
      /** Requests that had to wait, and the longest of these waits. */
      readonly waited: number;
      readonly longestMs: number;
    }
  /** Nobody waited, or not to the end: nginx does not run, or what holds them ended. */
  | { readonly notHeld: 'no-nginx' | 'ended' };

/** Connections that are kept alive stay with a worker of before for 10 s; after this only long answers are left there. */
const OLD_WORKERS_MS = 15_000;
const QUIET_WITHIN_MS = 5_000;
const BETWEEN_MS = 25;

/** The moment on the monotonic clock when requests go on, whether the work has ended or not. */
type HeldWork<T> = (heldUntilMs: number) => Promise<T>;

/** Does the work while no request is under way. Where no nginx runs there is nobody to hold. */
export async function holdRequests<T>(edge: Edge, options: HoldOptions, work: HeldWork<T>): Promise<T> {
  const [nginx] = await runningContainers(edge);
  const pid = nginx === undefined ? 0 : ((await edge.engine.containers.inspect(nginx))?.pid ?? 0);
  if (nginx === undefined || pid === 0) {
    return work(Infinity).finally(() => options.told?.({ notHeld: 'no-nginx' }));
  }
  const server = await startHoldServer(pid);
  try {
    await askFirst(edge, options);
    return await heldWhile(edge, nginx, server, options, work);
  } finally {
    const seen = await server.open().catch(() => undefined); // it ended, and so everything goes on already
    options.told?.(seen ?? { notHeld: 'ended' });
    await askNoMore(edge, options.signal).finally(() => server.end());
  }
}

async function askFirst(edge: Edge, { limitMs, quietWithinMs, signal }: HoldOptions): Promise<void> {
  // Longer than anybody is held, so that it is the server that lets go.
  const patienceSeconds = Math.ceil((limitMs + (quietWithinMs ?? QUIET_WITHIN_MS)) / 1000) + 30;
  await changeEdge(edge, (before, conf) => askingFirst(before, conf, patienceSeconds), signal);
  await drainEdge(edge, OLD_WORKERS_MS, signal);
}

async function heldWhile<T>(
  edge: Edge,
  nginx: string,
  server: HoldServer,
  options: HoldOptions,
  work: HeldWork<T>,
): Promise<T> {
  const heldUntilMs = edge.clock.monotonicMs() + options.limitMs;
  await server.hold(options.limitMs);
  await quiet(edge, nginx, server, options);
  return work(heldUntilMs);
}

/** What is under way and does not wait here was let through before. Asked in this order it is never counted too few. */
async function quiet(
  { clock, engine }: Edge,
  nginx: string,
  server: HoldServer,
  { quietWithinMs = QUIET_WITHIN_MS, signal }: HoldOptions,
): Promise<void> {
  const endMs = clock.monotonicMs() + quietWithinMs;
  while (clock.monotonicMs() < endMs) {
    const { held } = await server.count();
    if ((await requestsUnderWay(engine, nginx)) <= held) return;
    await clock.sleep(BETWEEN_MS, signal);
  }
}

/** Workers that still ask are waited for, so that nobody asks in vain. */
export async function askNoMore(edge: Edge, signal: AbortSignal): Promise<void> {
  await changeEdge(edge, notAsking, signal);
  await drainEdge(edge, OLD_WORKERS_MS, signal);
}
