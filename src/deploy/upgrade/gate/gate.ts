// The judge: what clients of the edge were answered by the new replicas, against the minutes before and against the
// old replicas meanwhile. Pure. It says in words what was seen and what was allowed.

import type { Tally } from '../../../stack/index.ts';

export interface ReplicaLook {
  readonly name: string;
  /** The engine's word: `running`, `exited`, …; undefined where it is gone. */
  readonly status: string | undefined;
  readonly restarts: number;
  readonly isUnhealthy: boolean;
  /** How often in a row it did not say that it is ready, up to now. */
  readonly notReady: number;
}

export interface GateView {
  /** Requests of clients. */
  readonly people: { readonly fresh: Tally; readonly stale: Tally; readonly before: Tally };
  /** Onstead's own. */
  readonly own: { readonly fresh: Tally; readonly before: Tally };
  readonly replicas: readonly ReplicaLook[];
  readonly watchedMs: number;
  /** The time to watch is up: errors that are not clear by now are judged by what is likely. */
  readonly isOver: boolean;
}

export type GateCode = 'gate.crash-loop' | 'gate.not-ready' | 'gate.errors' | 'gate.slow';

export interface Complaint {
  readonly code: GateCode;
  readonly message: string;
}

const FAILED_SHARE = 0.01;
/** What was broken before does not fail an upgrade; this much more of it does. */
const MORE_THAN_BEFORE = 1.5;
const SLOW_MS = 500;
const SLOWER_THAN_BEFORE = 2;
const SLOW_SHARE = 0.05;
const NOT_READY_IN_A_ROW = 3;
/** A replica that just began is slow for a moment. */
const WARM_AFTER_MS = 5_000;

/** One bad answer among three is not 33 %. */
const FLOORS = { requests: 30, ownRequests: 20, bad: 3 };
/** So many tell how it was before; so many of the old replicas tell how it is without the new ones. */
const ENOUGH_BEFORE = 50;
const ENOUGH_OWN_BEFORE = 10;
const ENOUGH_BESIDE = 200;

/** Of the normal distribution, one-sided: wrong in 1 of 200 while it goes on, in 1 of 10 at its end. */
const CLEAR = 2.58;
const LIKELY = 1.28;

/** The first thing that is wrong; undefined while nothing is. */
export function judge(view: GateView): Complaint | undefined {
  return (
    lostReplica(view.replicas) ??
    unreadyReplica(view.replicas) ??
    tooManyErrors(view, peopleOf(view)) ??
    tooManyErrors(view, ownOf(view)) ??
    tooSlow(view, peopleOf(view)) ??
    tooSlow(view, ownOf(view))
  );
}

function lostReplica(replicas: readonly ReplicaLook[]): Complaint | undefined {
  const lost = replicas.find(({ status, restarts }) => status !== 'running' || restarts > 0);
  if (lost === undefined) return undefined;
  const { name, status, restarts } = lost;
  const how = restarts > 0 ? `it was started again ${times(restarts)}` : `it is ${status ?? 'gone'}`;
  return { code: 'gate.crash-loop', message: `The new replica ${name} did not live on: ${how}.` };
}

function unreadyReplica(replicas: readonly ReplicaLook[]): Complaint | undefined {
  const unready = replicas.find(({ isUnhealthy, notReady }) => isUnhealthy || notReady >= NOT_READY_IN_A_ROW);
  if (unready === undefined) return undefined;
  const { name, isUnhealthy, notReady } = unready;
  const how = isUnhealthy ? 'its health check fails' : `${notReady} answers in a row said so`;
  return { code: 'gate.not-ready', message: `The new replica ${name} is not ready any more: ${how}.` };
}

/** Requests of one kind, and what they are measured by. */
interface Case {
  readonly who: string;
  readonly now: Tally;
  /** What was usual; undefined where nobody can say. */
  readonly usual: { readonly tally: Tally; readonly when: string } | undefined;
  readonly floor: number;
}

function peopleOf({ people }: GateView): Case {
  const { fresh, stale, before } = people;
  const beside = { tally: stale, when: 'by the old replicas meanwhile' };
  const earlier = { tally: before, when: 'before' };
  const usual =
    stale.requests >= ENOUGH_BESIDE ? beside : before.requests >= ENOUGH_BEFORE ? earlier : undefined;
  return { who: '', now: fresh, usual, floor: FLOORS.requests };
}

function ownOf({ own: { fresh, before } }: GateView): Case {
  const usual = before.requests >= ENOUGH_OWN_BEFORE ? { tally: before, when: 'before' } : undefined;
  return { who: "Onstead's own ", now: fresh, usual, floor: FLOORS.ownRequests };
}

function tooManyErrors(view: GateView, { who, now, usual, floor }: Case): Complaint | undefined {
  const wasShare = usual === undefined ? 0 : shareOf(usual.tally.failed, usual.tally.requests);
  const allowed = Math.max(FAILED_SHARE, wasShare * MORE_THAN_BEFORE);
  const sure = view.isOver ? LIKELY : CLEAR;
  if (!isOver(now.failed, now.requests, { allowed, floor, sure })) return undefined;
  const was = usual === undefined ? '' : `${percent(wasShare)} ${usual.when}; `;
  return {
    code: 'gate.errors',
    message: `The new release answers with errors: ${percent(shareOf(now.failed, now.requests))} of ${whole(now.requests)} ${who}requests failed (${was}allowed ${percent(allowed)}).`,
  };
}

/** The 95th percentile is over a limit where more than 5 % of the answers took longer than that. */
function tooSlow(view: GateView, { who, now, usual, floor }: Case): Complaint | undefined {
  if (usual === undefined || view.watchedMs < WARM_AFTER_MS) return undefined;
  const usualMs = usual.tally.latencies.quantileMs(0.95);
  if (usualMs === undefined) return undefined;
  const allowedMs = Math.max(SLOW_MS, usualMs * SLOWER_THAN_BEFORE);
  const { latencies } = now;
  // A machine that is busy with the upgrade itself is slow at times: here only what is clear counts.
  const limits = { allowed: SLOW_SHARE, floor, sure: CLEAR };
  if (!isOver(latencies.slowerThan(allowedMs), latencies.total, limits)) return undefined;
  const nowMs = latencies.quantileMs(0.95)!; // something was counted
  return {
    code: 'gate.slow',
    message: `The new release answers slowly: 95 % of ${whole(latencies.total)} ${who}requests took up to ${seconds(nowMs)} (${seconds(usualMs)} ${usual.when}; allowed ${seconds(allowedMs)}).`,
  };
}

interface Limits {
  readonly allowed: number;
  readonly floor: number;
  readonly sure: number;
}

function isOver(bad: number, all: number, { allowed, floor, sure }: Limits): boolean {
  if (all < floor || bad < FLOORS.bad) return false;
  return atLeast(bad, all, sure) > allowed;
}

/** The lower end of Wilson's interval: so large is the true share at least, as far as so few can tell. */
export function atLeast(bad: number, all: number, z: number): number {
  const share = bad / all;
  const square = (z * z) / all;
  const spread = z * Math.sqrt((share * (1 - share)) / all + square / (4 * all));
  return (share + square / 2 - spread) / (1 + square);
}

/** What was seen in one line, for the operation's story. */
export function inWords({ people, own, replicas }: GateView): string {
  const { fresh } = people;
  const asked = fresh.requests === 0 ? 'no request of a client' : tallyInWords(fresh, '');
  const self = own.fresh.requests === 0 ? '' : `; ${tallyInWords(own.fresh, 'own ')}`;
  const count = replicas.length === 1 ? '1 new replica' : `${replicas.length} new replicas`;
  return `${count}: ${asked}${self}`;
}

function tallyInWords({ requests, failed, latencies }: Tally, who: string): string {
  const p95 = latencies.quantileMs(0.95);
  const tail = p95 === undefined ? '' : `, 95 % within ${seconds(p95)}`;
  return `${whole(requests)} ${who}requests, ${percent(shareOf(failed, requests))} failed${tail}`;
}

function shareOf(part: number, all: number): number {
  return all === 0 ? 0 : part / all;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(2))} s`;
}

function whole(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
