// A whole run of the tests: rings that need nothing first, then set-up, then the rings on a real engine.
// It ends in one verdict; whatever kept a ring from running is a failure or is named, never passed over.

import type { Children } from './children.ts';
import {
  countLine,
  notRunLines,
  secondsText,
  slowestRingLine,
  tableOf,
  titleOf,
  totalsOf,
} from './report.ts';
import type { NotRun } from './report.ts';
import { runRing, type RingResult } from './ring-run.ts';
import { filesOf, type Discovery, type Ring } from './rings.ts';
import type { Readiness } from './setup.ts';
import type { Wanted, WantedRing } from './arguments.ts';

export interface Session {
  readonly where: Discovery;
  readonly rings: readonly Ring[];
  readonly wanted: Wanted;
  /** On a build machine a ring that could not run is a failure. */
  readonly isCi: boolean;
  readonly children: Children;
  /** Undefined, or why no test can run at all. */
  readonly readyForTap: () => Promise<string | undefined>;
  readonly readyForEngine: () => Promise<Readiness>;
  readonly print: (line: string) => void;
}

interface Chosen {
  readonly ring: Ring;
  readonly files: readonly string[];
}

interface State {
  readonly results: RingResult[];
  readonly notRun: NotRun[];
  /** Sentences; each counts as one failure. */
  readonly problems: string[];
}

/** Runs what was asked for, prints the verdict, and resolves to the exit code. */
export async function runSession(session: Session): Promise<number> {
  const chosen = await choose(session);
  const state: State = { results: [], notRun: [], problems: [] };
  const plain = chosen.filter((each) => !each.ring.needsEngine);
  const onEngine = chosen.filter((each) => each.ring.needsEngine);
  const why = chosen.length === 0 ? undefined : await session.readyForTap();
  if (why !== undefined) {
    state.problems.push(`Set-up failed: ${why}`);
    return verdict(session, state);
  }
  await runEach(session, plain, state);
  if (onEngine.length > 0 && mayGoOn(session, state)) await runOnEngine(session, onEngine, state);
  return verdict(session, state);
}

async function choose({ where, rings, wanted }: Session): Promise<Chosen[]> {
  const { filters } = wanted;
  const isWanted = (file: string): boolean =>
    filters.length === 0 || filters.some((part) => file.includes(part));
  const all = await Promise.all(
    rings.map(async (ring) => {
      const part = partOf(ring, wanted);
      const files = part === undefined ? [] : await filesOf(ring, where);
      return { ring, files: files.filter((file, at) => at % part!.of === part!.n - 1 && isWanted(file)) };
    }),
  );
  return all.filter((each) => each.files.length > 0);
}

/** Where no ring is named: those of every day, or each that holds what is looked for. */
function partOf({ name, isEveryday }: Ring, { rings, filters }: Wanted): WantedRing['part'] | undefined {
  if (rings.length > 0) return rings.find((each) => each.name === name)?.part;
  return isEveryday || filters.length > 0 ? { n: 1, of: 1 } : undefined;
}

function mayGoOn({ wanted, children }: Session, { results, problems }: State): boolean {
  const hasFailed = problems.length > 0 || results.some((each) => each.failed > 0);
  return !children.isStopped && !(wanted.bail && hasFailed);
}

async function runOnEngine(session: Session, chosen: readonly Chosen[], state: State): Promise<void> {
  session.print('\n== set-up');
  const started = performance.now();
  const readiness = await session.readyForEngine();
  session.print(`set-up took ${secondsText((performance.now() - started) / 1000)}`);
  if (readiness.state === 'ready') return runEach(session, chosen, state);
  for (const { ring } of chosen) state.notRun.push({ ring: ring.name, why: readiness.why });
  if (readiness.state === 'failed') state.problems.push(`Set-up failed: ${readiness.why}`);
  else if (session.isCi) {
    for (const { ring } of chosen) state.problems.push(`Ring ${ring.name} did not run, and CI is set.`);
  }
}

async function runEach(session: Session, chosen: readonly Chosen[], state: State): Promise<void> {
  for (const { ring, files } of chosen) {
    if (!mayGoOn(session, state))
      state.notRun.push({ ring: ring.name, why: 'An earlier failure ended the run.' });
    else state.results.push(await runOne(session, ring, files));
  }
}

async function runOne(session: Session, ring: Ring, files: readonly string[]): Promise<RingResult> {
  const { print, children, wanted, where } = session;
  print(`\n== ${ring.name}: ${files.length} ${files.length === 1 ? 'file' : 'files'}`);
  const result = await runRing({
    root: where.root,
    ring,
    files,
    bail: wanted.bail,
    children,
    events: {
      onTest: (test) => {
        const time = secondsText((test.milliseconds ?? 0) / 1000);
        if (test.result === 'failed') print(`FAILED ${titleOf(test)} (${time})\n${test.output}`);
        else if (ring.needsEngine) print(`  ${test.result} ${titleOf(test)} (${time})`);
      },
      onFile: ({ file, failed, tests, milliseconds }) =>
        print(`${failed ? 'FAILED' : 'ok'} ${file} (${tests} tests, ${secondsText(milliseconds / 1000)})`),
    },
  });
  if (result.failed > 0 && result.stderr !== '') print(`-- stderr of ${ring.name}:\n${result.stderr}`);
  for (const problem of result.problems) print(`FAILED ring ${ring.name}: ${problem}`);
  return result;
}

function verdict(session: Session, state: State): number {
  const { print } = session;
  const problems = [...state.problems];
  if (session.children.isStopped) problems.push('The run was interrupted.');
  const counted = totalsOf(state.results, problems.length);
  if (counted.passed + counted.failed === 0) problems.push('No test ran.');
  const totals = totalsOf(state.results, problems.length);
  print('');
  for (const line of tableOf(state.results)) print(line);
  const slowest = slowestRingLine(state.results);
  if (slowest !== undefined) print(slowest);
  for (const line of notRunLines(state.notRun)) print(line);
  for (const problem of problems) print(problem);
  print(countLine(totals));
  return totals.failed > 0 ? 1 : 0;
}
