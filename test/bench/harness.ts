// Finds the benchmarks, sets up what one needs, runs it, and says whether every goal was met.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Bench } from './bench.ts';
import { createContext } from './context.ts';
import type { Metric } from './metric.ts';
import type { Readiness } from '../runner/setup.ts';

const ENDING = '.bench.ts';

export interface Wanted {
  readonly name: string | undefined;
  readonly runs: number | undefined;
  readonly jsonOnly: boolean;
  readonly help: boolean;
}

export interface Harness {
  readonly root: string;
  readonly readyForEngine: (say: (line: string) => void) => Promise<Readiness>;
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

export const HELP = `Usage: npm run bench -- NAME [--runs N] [--json-only]

Without a name: lists the benchmarks and what each proves.
Progress goes to stderr, one JSON line a metric to stdout.
Exit codes: 0 every goal met, 1 a goal was missed or the benchmark failed, 2 wrong usage, 3 no engine can run here.`;

/** What was asked for, or the sentence that says what is wrong with it. */
export function parseWanted(argv: readonly string[]): Wanted | string {
  const words: string[] = [];
  let runs: number | undefined;
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--runs' || word.startsWith('--runs=')) {
      const text = word === '--runs' ? rest.shift() : word.slice('--runs='.length);
      runs = Number(text);
      if (!/^[1-9]\d*$/.test(text ?? '')) return '--runs takes a whole number from 1, for example --runs 7.';
    } else if (!word.startsWith('-')) words.push(word);
    else if (!['--json-only', '--help', '-h'].includes(word)) return `There is no option "${word}".`;
  }
  if (words.length > 1) return `One benchmark at a time: ${words.join(', ')} are ${words.length}.`;
  const help = argv.includes('--help') || argv.includes('-h');
  return { name: words[0], runs, jsonOnly: argv.includes('--json-only'), help };
}

export async function findBenches(folder: string): Promise<Bench[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(ENDING)).sort();
  return Promise.all(files.map((file) => loadBench(folder, file)));
}

async function loadBench(folder: string, file: string): Promise<Bench> {
  const { bench } = (await import(pathToFileURL(join(folder, file)).href)) as { bench?: Bench };
  if (bench === undefined) throw new Error(`${file} exports no "bench".`);
  const name = file.slice(0, -ENDING.length);
  if (bench.name !== name) throw new Error(`${file} names itself "${bench.name}"; it should be "${name}".`);
  return bench;
}

export async function runHarness(
  harness: Harness,
  benches: readonly Bench[],
  wanted: Wanted,
): Promise<number> {
  const { out, err } = harness;
  if (wanted.help) out(HELP);
  else if (wanted.name === undefined) for (const line of listOf(benches)) out(line);
  if (wanted.help || wanted.name === undefined) return 0;
  const bench = benches.find((each) => each.name === wanted.name);
  if (bench === undefined) {
    err(`There is no benchmark "${wanted.name}"; there are: ${benches.map((each) => each.name).join(', ')}.`);
    return 2;
  }
  const progress = wanted.jsonOnly ? () => {} : err;
  progress(`${bench.name}: ${bench.proves}`);
  if (bench.needs.includes('engine')) {
    const readiness = await harness.readyForEngine(progress);
    if (readiness.state !== 'ready') {
      err(readiness.why);
      return readiness.state === 'no-engine' ? 3 : 1;
    }
  }
  return runOne(harness, bench, wanted.runs ?? bench.runs, progress);
}

async function runOne(
  { root, out, err }: Harness,
  bench: Bench,
  runs: number,
  progress: (line: string) => void,
): Promise<number> {
  const scratch = await mkdtemp(join(tmpdir(), `bench-${bench.name}-`));
  const metrics: Metric[] = [];
  const onMetric = (metric: Metric): void => {
    metrics.push(metric);
    out(JSON.stringify(metric));
  };
  try {
    await bench.run(createContext(bench, { root, scratch, runs, onMetric, progress }));
  } catch (error) {
    err(`${bench.name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return 1;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  if (metrics.length === 0) err(`${bench.name} measured nothing.`);
  const missed = metrics.filter((metric) => metric.ok === false);
  for (const { metric, value, unit, ratio, goal } of missed) {
    err(
      `goal missed: ${metric} is ${value} ${unit}${ratio === null ? '' : ` (ratio ${ratio})`}; the goal is ${goal}`,
    );
  }
  return metrics.length === 0 || missed.length > 0 ? 1 : 0;
}

function listOf(benches: readonly Bench[]): string[] {
  const width = Math.max(0, ...benches.map((bench) => bench.name.length));
  return benches.map((bench) => `${bench.name.padEnd(width)}  ${bench.proves}`);
}
