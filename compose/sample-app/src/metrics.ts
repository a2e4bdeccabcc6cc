// Counters and histograms in Prometheus' text format. Few labels, all of them bounded.

const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

type Labels = Readonly<Record<string, string>>;

interface Histogram {
  readonly buckets: number[];
  sum: number;
  count: number;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

class Family<T> {
  readonly name: string;
  readonly help: string;
  readonly kind: string;
  readonly series = new Map<string, { labels: Labels; value: T }>();

  constructor(name: string, kind: string, help: string) {
    this.name = name;
    this.kind = kind;
    this.help = help;
  }

  at(labels: Labels, start: () => T): { value: T } {
    const key = labelText(labels);
    const found = this.series.get(key) ?? { labels, value: start() };
    this.series.set(key, found);
    return found;
  }

  head(): string[] {
    return [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} ${this.kind}`];
  }
}

export class Metrics {
  readonly #requests = new Family<number>('http_requests_total', 'counter', 'Answered requests.');
  readonly #errors = new Family<number>('http_errors_total', 'counter', 'Requests answered with 5xx.');
  readonly #latency = new Family<Histogram>(
    'http_request_duration_seconds',
    'histogram',
    'Time to answer a request.',
  );
  readonly #dependencies = new Family<Histogram>(
    'dependency_duration_seconds',
    'histogram',
    'Time of one call to the database, Redis or the object store.',
  );
  readonly #failures = new Family<number>('dependency_errors_total', 'counter', 'Calls that failed.');
  readonly #cache = new Family<number>('cache_requests_total', 'counter', 'Lookups of the cached list.');
  inFlight = 0;

  answered(method: string, route: string, status: number, ms: number): void {
    count(this.#requests, { method, route, status: String(status) });
    if (status >= 500) count(this.#errors, { method, route });
    observe(this.#latency, { method, route }, ms);
  }

  cacheAsked(result: 'hit' | 'miss'): void {
    count(this.#cache, { result });
  }

  /** Runs a call to a dependency and keeps how long it took and whether it held. */
  async timed<T>(dependency: string, call: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    try {
      return await call();
    } catch (error) {
      count(this.#failures, { dependency });
      throw error;
    } finally {
      observe(this.#dependencies, { dependency }, performance.now() - startedMs);
    }
  }

  text(): string {
    const counters = [this.#requests, this.#errors, this.#failures, this.#cache];
    const lines = [
      ...counters.flatMap((family) => [
        ...family.head(),
        ...[...family.series].map(([labels, { value }]) => `${family.name}${labels} ${value}`),
      ]),
      ...[this.#latency, this.#dependencies].flatMap(histogramLines),
      ...gauge('http_requests_in_flight', 'Requests being answered now.', this.inFlight),
      ...gauge('process_resident_memory_bytes', 'Resident memory.', process.memoryUsage.rss()),
      ...gauge('process_uptime_seconds', 'Seconds since the start.', process.uptime()),
    ];
    return `${lines.join('\n')}\n`;
  }
}

function count(family: Family<number>, labels: Labels): void {
  family.at(labels, () => 0).value += 1;
}

function observe(family: Family<Histogram>, labels: Labels, ms: number): void {
  const seconds = ms / 1000;
  const { value } = family.at(labels, () => ({ buckets: BUCKETS_SECONDS.map(() => 0), sum: 0, count: 0 }));
  BUCKETS_SECONDS.forEach((limit, index) => {
    if (seconds <= limit) value.buckets[index]! += 1;
  });
  value.sum += seconds;
  value.count += 1;
}

function histogramLines(family: Family<Histogram>): string[] {
  const lines = [...family.series.values()].flatMap(({ labels, value }) => [
    ...BUCKETS_SECONDS.map(
      (limit, index) =>
        `${family.name}_bucket${labelText({ ...labels, le: String(limit) })} ${value.buckets[index]}`,
    ),
    `${family.name}_bucket${labelText({ ...labels, le: '+Inf' })} ${value.count}`,
    `${family.name}_sum${labelText(labels)} ${value.sum}`,
    `${family.name}_count${labelText(labels)} ${value.count}`,
  ]);
  return [...family.head(), ...lines];
}

function gauge(name: string, help: string, value: number): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${value}`];
}
