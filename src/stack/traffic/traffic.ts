// What the edge's clients were answered in a window of time, in all and by each replica that was asked. Its memory is
// bounded, and so is its work: of a second with very many lines only every so manieth is read, and counts for them all.

import { Latencies, type LatencyCounts } from './latencies.ts';
import { isPersons, parseAccessLine, type AccessLine } from './access-line.ts';

const CLIENT_CLOSED = 499;
const SWITCHED = 101;
/** A long answer tells of the client's line, and a long wait of a question that is meant to wait. */
const LARGE_BYTES = 1024 * 1024;
const LONG_SECONDS = 20;

const ALL_READ_UP_TO = 1_000;
const SPARSER = 10;
const REPLICAS_TOLD_APART = 100;

export interface TallyCounts {
  readonly requests: number;
  readonly failed: number;
  readonly latencies: LatencyCounts;
}

export class Tally {
  requests: number;
  /** Answered with 5xx. A client that went away is nobody's failure. */
  failed: number;
  readonly latencies: Latencies;

  constructor(counts: TallyCounts = { requests: 0, failed: 0, latencies: [] }) {
    this.requests = counts.requests;
    this.failed = counts.failed;
    this.latencies = new Latencies(counts.latencies);
  }

  add({ isFailed, ms }: { readonly isFailed: boolean; readonly ms?: number }, weight = 1): void {
    this.requests += weight;
    if (isFailed) this.failed += weight;
    if (ms !== undefined) this.latencies.add(ms, weight);
  }

  addAll(other: Tally): this {
    this.requests += other.requests;
    this.failed += other.failed;
    this.latencies.addAll(other.latencies);
    return this;
  }

  toJSON(): TallyCounts {
    return { requests: this.requests, failed: this.failed, latencies: this.latencies.toJSON() };
  }
}

export class Traffic {
  readonly #replicas = new Map<string, Tally>();
  #second = 0;
  #linesOfSecond = 0;
  /** Some lines were not read and stand counted by their neighbours. */
  isSampled = false;

  /** Any line of the edge's log. */
  add(text: string, at: Date): void {
    const weight = this.#weightAt(at);
    if (weight === 0) return;
    const line = parseAccessLine(text);
    if (line === undefined || !isApps(line)) return;
    for (const replica of line.failedBefore) this.#tallyFor(replica).add({ isFailed: true }, weight);
    this.#tallyFor(line.upstream).add(
      { isFailed: line.status >= 500, ...(tellsLatency(line) ? { ms: line.seconds * 1000 } : {}) },
      weight,
    );
  }

  addAll(other: Traffic): this {
    for (const [replica, tally] of other.#replicas) this.#tallyFor(replica).addAll(tally);
    this.isSampled ||= other.isSampled;
    return this;
  }

  /** Of all replicas, or of those that are chosen by their `address:port`. */
  tally(isWanted: (replica: string) => boolean = () => true): Tally {
    const all = new Tally();
    for (const [replica, tally] of this.#replicas) if (isWanted(replica)) all.addAll(tally);
    return all;
  }

  /** For how many lines this one stands; 0: it is passed over. */
  #weightAt(at: Date): number {
    const second = Math.floor(at.getTime() / 1000);
    if (second !== this.#second) this.#linesOfSecond = 0;
    this.#second = second;
    this.#linesOfSecond += 1;
    if (this.#linesOfSecond <= ALL_READ_UP_TO) return 1;
    this.isSampled = true;
    return this.#linesOfSecond % SPARSER === 0 ? SPARSER : 0;
  }

  #tallyFor(replica: string): Tally {
    const known = this.#replicas.get(replica);
    if (known !== undefined) return known;
    if (this.#replicas.size > REPLICAS_TOLD_APART && replica !== '') return this.#tallyFor('');
    const tally = new Tally();
    this.#replicas.set(replica, tally);
    return tally;
  }
}

/** Who went away tells nothing. */
function isApps(line: AccessLine): boolean {
  return isPersons(line) && line.status !== CLIENT_CLOSED;
}

function tellsLatency({ status, bytes, seconds }: AccessLine): boolean {
  return status !== SWITCHED && bytes <= LARGE_BYTES && seconds <= LONG_SECONDS;
}
