// Exit codes that mean something, so that a script can tell a bad bundle from a full disk. This is the one place that
// decides them; docs/exit-codes.md says the same, and a test compares the two.

import type { OperationView } from '../api/schemas.ts';
import { isOnsteadError } from '../base/errors.ts';

export const exitCodes = {
  0: 'done',
  1: 'something unexpected; the message says what',
  2: 'the command was not understood',
  3: 'the bundle, release or settings were refused',
  4: 'this machine or its engine is not ready',
  5: 'the operation failed or needs a person',
  6: 'the daemon cannot be reached',
} as const;

export type ExitCode = keyof typeof exitCodes;

/** By the first word of the error's code. */
export const exitCodeByRoom: Readonly<Record<string, ExitCode>> = {
  internal: 1,
  process: 1,
  usage: 2,
  service: 2,
  bundle: 3,
  release: 3,
  settings: 3,
  preflight: 4,
  machine: 4,
  facts: 4,
  sizing: 4,
  engine: 4,
  compose: 4,
  operation: 5,
  journal: 5,
  secret: 5,
  stack: 5,
  database: 5,
  redis: 5,
  store: 5,
  edge: 5,
  gate: 5,
  points: 5,
  rehearsal: 5,
  daemon: 6,
};

/** Where a room's code would tell a script to do the wrong thing. */
const byCode: Readonly<Record<string, ExitCode>> = {
  'bundle.no-space': 4,
  'process.missing': 4,
  'operation.unknown': 2, // a wrong word, as with a service that is unknown
  'service.no-container': 5,
  'daemon.running': 5, // it can be reached only too well
};

export function exitCodeOf(error: unknown): ExitCode {
  return isOnsteadError(error) ? exitCodeFor(error.code) : 1;
}

export function exitCodeFor(code: string): ExitCode {
  return byCode[code] ?? exitCodeByRoom[roomOf(code)] ?? 1;
}

/** A cause in the machine or in the bundle is told as if it had been asked for alone. */
const REFUSALS = new Set(['preflight', 'machine', 'sizing', 'bundle', 'release']);

/** Of an operation that somebody followed to its end, or left while it goes on. */
export function exitCodeOfOperation({ state, error }: Pick<OperationView, 'state' | 'error'>): ExitCode {
  if (state === 'stuck') return 5;
  if (state !== 'rolled-back') return 0;
  return error !== null && REFUSALS.has(roomOf(error.code)) ? exitCodeFor(error.code) : 5;
}

function roomOf(code: string): string {
  return code.split('.')[0] ?? '';
}
