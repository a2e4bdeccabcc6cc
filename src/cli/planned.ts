// What is planned for later, as a person reads it: on the machine's clock, and how long until then.

import { formatDuration } from '../base/units.ts';
import type { AppointmentAnswer, PlanAnswer } from '../api/schemas.ts';
import type { Terminal } from './terminal.ts';

export function sayPlanned(
  { id, title, at, wall, zone }: AppointmentAnswer,
  terminal: Terminal,
  indent = '',
): void {
  terminal.say(`${indent}Planned: ${title} at ${wall} (${zone}), ${untilThen(at)}`);
  terminal.say(`${indent}  onstead operations cancel ${id}`);
}

export function sayTime(
  { at, wall, zone, isTwice }: NonNullable<PlanAnswer['at']>,
  terminal: Terminal,
): void {
  terminal.say(`It would begin at ${wall} (${zone}), ${untilThen(at)}. Preflight runs again then.`);
  if (isTwice) terminal.say('The clock shows that time twice that night; the first is meant.');
}

function untilThen(at: string): string {
  const leftMs = Date.parse(at) - Date.now();
  if (leftMs < 60_000) return 'in less than a minute';
  return `in ${formatDuration(Math.floor(leftMs / 60_000) * 60_000)}`;
}
