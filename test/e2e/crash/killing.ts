// Kills the daemon with SIGKILL at points of an operation that are named by its steps, and lets it go on.

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
  'keep-point': 5,
  'stage-stack': 100,
  exchange: 900, // a replica starts, or is about to leave
  judge: 100,
  'list-edge': 100,
  'settle-edge': 200,
  'replace-service': 500,
  'undo:start-services': 150,
  'undo:exchange': 400,
  'undo:list-edge': 200,
  'undo:migrate': 300,
};

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
    } else await sleep(20);
  }
  const said = (await appliance.log()).slice(before).split(faultMark)[1];
  return said?.trim();
}

export const placesOf = (steps: readonly Step[], points: readonly Point[]): string[] =>
  steps.flatMap((step) => points.map((point) => placeOf(step, point)));

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
export function expected(
  steps: readonly Step[],
  points: readonly Point[],
  never: Readonly<Record<string, string>>,
): string[] {
  return steps.flatMap((step) =>
    placesOf(
      [step],
      points.filter((point) => !(`${step.type}:${point}` in never)),
    ),
  );
}

/** Lets the daemon go on undisturbed until the operation is over. */
export async function settle(appliance: TestAppliance): Promise<OperationView> {
  if (!appliance.isRunning) await appliance.start();
  for (;;) {
    const operation = await appliance.operation();
    if (isOver(operation.state) || operation.state === 'stuck') return operation;
    await sleep(50);
  }
}
