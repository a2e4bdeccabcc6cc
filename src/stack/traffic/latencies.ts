// How long answers took, as counts in buckets that grow by a tenth: small whatever the traffic, and within a tenth of
// the truth.

const GROWTH = Math.log(1.1);
const LONGEST_MS = 10 * 60_000;

/** [bucket, count], as it is kept in a file. */
export type LatencyCounts = readonly (readonly [number, number])[];

export class Latencies {
  readonly #counts: Map<number, number>;

  constructor(counts: LatencyCounts = []) {
    this.#counts = new Map(counts);
  }

  get total(): number {
    return sum(this.#counts.values());
  }

  add(ms: number, weight = 1): void {
    this.#count(bucketOf(ms), weight);
  }

  addAll(other: Latencies): void {
    for (const [bucket, count] of other.#counts) this.#count(bucket, count);
  }

  /** How many took longer. */
  slowerThan(ms: number): number {
    const limit = bucketOf(ms);
    return sum([...this.#counts].filter(([bucket]) => bucket > limit).map(([, count]) => count));
  }

  /** So long, or a little less, took the share that is asked for; undefined where nothing was counted. */
  quantileMs(share: number): number | undefined {
    let left = this.total * share;
    for (const [bucket, count] of [...this.#counts].toSorted(([one], [other]) => one - other)) {
      left -= count;
      if (left <= 0) return Math.exp(bucket * GROWTH);
    }
    return undefined;
  }

  toJSON(): LatencyCounts {
    return [...this.#counts].toSorted(([one], [other]) => one - other);
  }

  #count(bucket: number, weight: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + weight);
  }
}

/** Bucket n ends at 1.1ⁿ ms; everything up to a millisecond is in the first. */
function bucketOf(ms: number): number {
  return Math.ceil(Math.log(Math.min(Math.max(ms, 1), LONGEST_MS)) / GROWTH - 1e-9);
}

function sum(values: Iterable<number>): number {
  let all = 0;
  for (const value of values) all += value;
  return all;
}
