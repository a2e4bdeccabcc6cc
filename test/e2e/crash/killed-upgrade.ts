// An upgrade or its way back, killed through its steps while people use the application, and what they must find afterwards.

import type { Test } from 'tap';
import type { TestAppliance } from '../appliance.ts';
import { startUsers, type Seen } from '../users.ts';
import { expected, killThrough, placesOf, settle, type Point, type Step } from './killing.ts';
import { filesAreThere, notesIn } from './upgrade-lab.ts';

/** Where a step cannot be killed, and why. */
export const NEVER: Readonly<Record<string, string>> = {
  'open-secrets:during': 'nothing to do: no secret is new',
  'open-secrets:after': 'nothing to do: no secret is new',
  'undo:open-secrets:before': 'nothing was done: no secret is new',
  'undo:open-secrets:during': 'nothing was done: no secret is new',
  'undo:open-secrets:after': 'nothing was done: no secret is new',
  'make-buckets:during': 'nothing to do: the buckets are there',
  'make-buckets:after': 'nothing to do: the buckets are there',
};

export async function nobodyMissesAnything(
  t: Test,
  appliance: TestAppliance,
  { failures, made, files, answered }: Seen,
): Promise<void> {
  t.strictSame(failures, []);
  t.ok(answered > 50, `${answered} answers`);
  const there = new Set(await notesIn(appliance));
  t.strictSame(
    made.filter((id) => !there.has(id)),
    [],
    'every note whose making was answered is there',
  );
  t.ok(files.length > 0, `${files.length} files`);
  await filesAreThere(t, appliance, files);
}

export async function killedThrough(
  t: Test,
  appliance: TestAppliance,
  steps: readonly Step[],
  points: readonly Point[],
): Promise<Seen> {
  const users = await startUsers(appliance, { keepsFiles: true });
  const died = await killThrough(appliance, placesOf(steps, points));
  const end = await settle(appliance);
  const seen = await users.stop();
  t.strictSame(died, expected(steps, points, NEVER));
  t.equal(end.state, 'done', JSON.stringify(end.error));
  return seen;
}
