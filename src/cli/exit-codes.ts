// Exit codes that mean something, so that a script can tell a bad bundle from a full disk.

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

/** By the first word of the error's code. */
const byRoom: Readonly<Record<string, keyof typeof exitCodes>> = {
  usage: 2,
  service: 2,
  bundle: 3,
  release: 3,
  settings: 3,
  signature: 3,
  key: 3,
  upgrade: 3,
  preflight: 4,
  machine: 4,
  sizing: 4,
  engine: 4,
  compose: 4,
  operation: 5,
  daemon: 6,
};

export function exitCodeOf(error: unknown): number {
  if (!isOnsteadError(error)) return 1;
  return byRoom[error.code.split('.')[0] ?? ''] ?? 1;
}
