// Kills the daemon with SIGKILL at points of an operation that are named by its steps, and lets it go on.

import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OperationView } from '../../../src/api/schemas.ts';
import { faultMark } from '../../../src/base/fault.ts';
import { isOver } from '../../../src/journal/index.ts';
import type { TestAppliance } from '../appliance.ts';

export type Point = 'before' | 'during' | 'after';

export interface Step {
  readonly n: number;
  /** With `undo:` before it on the way back. */
  readonly type: string;
}

/** How long the effect of a step goes on before `during`. Others are killed as soon as they wait for anything. */
const MIDDLE_MS: Readonly<Record<string, number>> = {
  preflight: 50,
  'verify-bundle': 50,
  'make-secrets': 30,
  'load-images': 150, // the engine has begun with the first
  'start-services': 700, // some containers run, none is healthy
  'make-buckets': 50,
  migrate: 300,
  'keep-point': 1_500, // the database is being copied, or its copy proven
  'stage-stack': 100,
  exchange: 900, // a replica starts, or is about to leave
  judge: 100,
  'list-edge': 100,
  'settle-edge': 200,
  'replace-service': 500,
  'replace-data': 500, // the edge is being told to ask first
  'undo:replace-data': 500,
  'restore-data': 8_000, // requests wait, and nobody writes
  'undo:restore-data': 8_000,
  'undo:start-services': 150,
  'undo:exchange': 400,
  'undo:list-edge': 200,
  'undo:migrate': 50,
};

/** Whoever looks at an operation all the time takes the processor from it. */
const LOOK_AGAIN_MS = 250;

export const placeOf = ({ n, type }: Step, point: Point): string => {
  const wait = point === 'during' ? MIDDLE_MS[type] : undefined;
  return `${n}/${type}:${point}${wait === undefined ? '' : `+${wait}ms`}`;
};

/** Starts the daemon and lets it work until it dies at one of these places; says at which. */
export async function diesAt(
  appliance: TestAppliance,
  ...places: readonly string[]
): Promise<string | undefined> {
  const before = (await appliance.log()).length;
  await appliance.start({ ONSTEAD_FAULT: places.join(',') });
  while (appliance.isRunning) {
    const operation = await appliance.operation().catch(() => undefined);
    if (operation !== undefined && (isOver(operation.state) || operation.state === 'stuck')) {
      await appliance.stop();
    } else await appliance.endedWithin(LOOK_AGAIN_MS);
  }
  const said = (await appliance.log()).slice(before).split(faultMark)[1]?.trim();
  if (said !== undefined && killsFile !== undefined) appendFileSync(killsFile, `${said}\n`);
  return said;
}

/** `npm run test:crash` kills at every point of every step; `npm test` has time for one point of each, in turn. */
export const isComplete = process.env['ONSTEAD_CRASH'] === 'complete';

/** Where the kills are counted, for `npm run bench -- crash`. */
const killsFile = process.env['ONSTEAD_CRASH_LOG'];

/** What to kill at in one operation each: a killed effect may leave all of itself behind, and then comes to no `after`. */
export const ROUNDS: readonly (readonly Point[])[] = isComplete
  ? [['before', 'during'], ['after']]
  : [['before', 'during', 'after']];

const pairsOf = (steps: readonly Step[], points: readonly Point[]): [Step, Point][] =>
  steps.flatMap((step, at) =>
    points
      .filter((_, turn) => isComplete || turn === at % points.length)
      .map((point): [Step, Point] => [step, point]),
  );
/** Starts the daemon and kills it as soon as this is true; false where its operation came to an end before. */
export async function diesWhen(appliance: TestAppliance, isTime: () => Promise<boolean>): Promise<boolean> {
  await appliance.start();
  // Asked seldom: an answer that takes its time would let the moment pass.
  for (let looks = 1; !(await isTime()); looks += 1) {
    const { state } = looks % 25 === 0 ? await appliance.operation() : { state: 'running' as const };
    if (isOver(state) || state === 'stuck') return false;
    await sleep(40);
  }
  await appliance.stop('SIGKILL');
  return true;
}

export const placesOf = (steps: readonly Step[], points: readonly Point[]): string[] =>
  pairsOf(steps, points).map(([step, point]) => placeOf(step, point));

/** Kills it at each of these places, one start a place, in this order; returns where it really died. */
export async function killThrough(appliance: TestAppliance, places: readonly string[]): Promise<string[]> {
  const died: string[] = [];
  // Wherever it is let pass, the places that follow are armed too.
  for (let at = 0; at < places.length; at += 1) {
    const place = await diesAt(appliance, ...places.slice(at));
    if (place === undefined) break;
    died.push(place);
    at = places.indexOf(place);
  }
  return died;
}

/** All of them but those that the table excuses: where a step cannot be killed, and why. */
export const expected = (
  steps: readonly Step[],
  points: readonly Point[],
  never: Readonly<Record<string, string>>,
): string[] =>
  pairsOf(steps, points)
    .filter(([{ type }, point]) => !(`${type}:${point}` in never))
    .map(([step, point]) => placeOf(step, point));

/** Lets the daemon go on undisturbed until the operation is over. */
export async function settle(appliance: TestAppliance): Promise<OperationView> {
  if (!appliance.isRunning) await appliance.start();
  for (;;) {
    const operation = await appliance.operation();
    if (isOver(operation.state) || operation.state === 'stuck') return operation;
    await sleep(LOOK_AGAIN_MS);
  }
}
