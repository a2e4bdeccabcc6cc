// Runs one ring's files with tap in a process of its own, and says truly what came of it.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Children, ChildEnd } from './children.ts';
import type { Ring } from './rings.ts';
import { TapTally, type FileOutcome, type TallyEvents } from './tap-tally.ts';

export interface RingResult {
  readonly ring: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly slowest: FileOutcome | undefined;
  /** What went wrong with the ring itself; each counts as one failure. */
  readonly problems: readonly string[];
  /** What the tests wrote to stderr, at most the last part. */
  readonly stderr: string;
}

export interface RingRun {
  readonly root: string;
  readonly ring: Ring;
  readonly files: readonly string[];
  readonly bail: boolean;
  readonly children: Children;
  readonly events: TallyEvents;
}

const STDERR_LINES = 400;

export async function runRing(run: RingRun): Promise<RingResult> {
  const { ring, files, root } = run;
  const tally = new TapTally(files, run.events);
  const stderr: string[] = [];
  const started = performance.now();
  const end = await run.children.run(join(root, 'node_modules/.bin/tap'), tapArguments(run), {
    cwd: root,
    env: cleanEnvironment(root),
    limitMs: ring.ringLimitSeconds * 1000,
    onStdout: (line) => tally.line(line),
    onStderr: (line) => {
      stderr.push(line);
      if (stderr.length > STDERR_LINES) stderr.shift();
    },
  });
  const problems = problemsOf(tally, end, run);
  return {
    ring: ring.name,
    passed: tally.passed,
    failed: tally.failed + problems.length,
    skipped: tally.skipped,
    seconds: (performance.now() - started) / 1000,
    slowest: tally.files.toSorted((a, b) => b.milliseconds - a.milliseconds)[0],
    problems,
    stderr: stderr.join('\n'),
  };
}

function tapArguments({ ring, files, bail }: RingRun): string[] {
  const jobs = Math.min(ring.jobs, availableParallelism());
  const options = ['--reporter=tap', `--jobs=${jobs}`, `--timeout=${ring.fileLimitSeconds}`];
  const alone = files.filter((file) => ring.alone.some((path) => file.endsWith(`/${path}`)));
  return [
    'run',
    ...options,
    ...alone.map((file) => `--serial=${file}`),
    ...(bail ? ['--bail'] : []),
    ...files,
  ];
}

/**
 * A run inside a run must not speak to the outer tap; and a plain `node` must be this project's. What it compiled once is
 * kept: a run starts it well over a thousand times, on the same sources.
 */
function cleanEnvironment(root: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^_?TAP/.test(name));
  return {
    ...Object.fromEntries(own),
    PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`,
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(root, '.cache/node'),
  };
}

function problemsOf(tally: TapTally, end: ChildEnd, { ring, files, bail }: RingRun): string[] {
  const problems: string[] = [];
  const unreported = tally.unreported();
  if (end.timedOut) problems.push(`took longer than its limit of ${ring.ringLimitSeconds} s and was ended`);
  if (unreported.length === files.length) problems.push('no test file reported a result');
  else if (unreported.length > 0 && !(bail && tally.failed > 0)) {
    problems.push(
      `${unreported.length} of ${files.length} files reported no result: ${unreported.join(', ')}`,
    );
  }
  if (problems.length === 0 && end.code !== 0 && tally.failed === 0) {
    problems.push(`tap ended with ${end.signal ?? `code ${end.code}`} though no test failed`);
  }
  return problems;
}
