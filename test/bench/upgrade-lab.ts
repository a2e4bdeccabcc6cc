// An appliance with people at work, for benchmarks of what they notice.

import { setTimeout as sleep } from 'node:timers/promises';
import { TestAppliance, type CliResult } from '../e2e/appliance.ts';
import { demoBundle, type DemoBundle } from '../e2e/demo-bundle.ts';
import { startUsers, type UserSample } from '../e2e/users.ts';
import { quantile } from './statistics.ts';

const LOAD = { users: 6, pauseMs: 40, bodyLength: 500 };
const BEFORE_MS = 15_000;
const AFTER_MS = 3_000;

export interface UnderLoad {
  readonly before: readonly UserSample[];
  /** From the beginning of the work to a little after its end. */
  readonly during: readonly UserSample[];
  readonly result: CliResult;
}

/** With this release installed, and removed whatever comes of it. */
export async function withAppliance<Result>(
  release: string | DemoBundle,
  work: (appliance: TestAppliance) => Promise<Result>,
): Promise<Result> {
  const bundle = typeof release === 'string' ? await demoBundle(release) : release;
  const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
  try {
    await appliance.writeSettings(
      'limits: { memory: 5G, disk: 40G }\nupgrade: { readyWithin: 60s, soak: 15s, keepWarm: 0s }\n',
    );
    await appliance.start();
    const { code, stdout, stderr } = await appliance.onstead(['install', bundle.path]);
    if (code !== 0) throw new Error(`The install ended with code ${code}: ${stdout}${stderr}`);
    return await work(appliance);
  } finally {
    await appliance.remove();
  }
}

export async function underLoad(
  appliance: TestAppliance,
  work: () => Promise<CliResult>,
): Promise<UnderLoad> {
  const users = await startUsers(appliance, LOAD);
  await sleep(BEFORE_MS);
  const begunMs = Date.now();
  const result = await work();
  await sleep(AFTER_MS);
  const { samples } = await users.stop();
  return {
    before: samples.filter(({ atMs }) => atMs < begunMs),
    during: samples.filter(({ atMs }) => atMs >= begunMs),
    result,
  };
}

export function failuresIn(samples: readonly UserSample[]): readonly UserSample[] {
  return samples.filter(({ failure }) => failure !== undefined);
}

/** Seconds in which no writing was answered well, at the longest. */
export function longestWritingGap(samples: readonly UserSample[]): number {
  const begunMs = Math.min(...samples.map(({ atMs }) => atMs));
  const written = samples
    .filter(({ method, failure }) => method === 'POST' && failure === undefined)
    .map(({ atMs, tookMs }) => atMs + tookMs)
    .toSorted((left, right) => left - right);
  const gaps = written.map((at, index) => at - (written[index - 1] ?? begunMs));
  return Math.max(0, ...gaps) / 1000;
}

/** Seconds from the first of these to the end of the last. */
export function spanOf(samples: readonly UserSample[]): number {
  if (samples.length === 0) return 0;
  const first = Math.min(...samples.map(({ atMs }) => atMs));
  return (Math.max(...samples.map(({ atMs, tookMs }) => atMs + tookMs)) - first) / 1000;
}

export function p99Of(samples: readonly UserSample[]): number {
  return quantile(
    samples.map(({ tookMs }) => tookMs),
    0.99,
  );
}
