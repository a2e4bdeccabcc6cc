// The one place where dockerode's and the socket's errors become ours. Pure.

import { isOnsteadError, messageOf, OnsteadError, systemCode } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { serviceCommand } from '../base/init-system.ts';
import type { Address } from './address.ts';
import { nameOf } from './address.ts';

const RETRYABLE: ReadonlySet<string> = new Set(['engine.lost', 'engine.unreachable', 'engine.timeout']);
/** Quoted as it is typed. */
const service = (verb: 'restart' | 'start' | 'status'): string => `"${serviceCommand(verb, 'docker')}"`;

const CUT = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNABORTED']);

/** True where the same call may succeed once the engine is back. */
export function isRetryable(error: unknown): boolean {
  return isOnsteadError(error) && RETRYABLE.has(error.code);
}

/** `about` names the thing and the action: `inspect image "x"`. */
export function translate(error: unknown, about: string, address: Address): OnsteadError {
  if (isOnsteadError(error)) return error;
  const status = statusOf(error);
  if (status !== undefined) return fromStatus(status, reasonOf(error), about, error);
  const code = systemCode(error) ?? '';
  if (isConnectError(error)) return unreachable(code, address, error);
  if (code.startsWith('HPE_')) return notDocker(address, error);
  if (CUT.has(code) || /aborted|socket hang up/i.test(messageOf(error))) return lost(about, error);
  const said = messageOf(error);
  return new OnsteadError('engine.refused', `Could not ${about}: ${said}`, {
    next: cureFor(said),
    cause: error,
  });
}

export function timedOut(about: string, timeoutMs: number): OnsteadError {
  return new OnsteadError(
    'engine.timeout',
    `The Docker Engine did not answer within ${Math.round(timeoutMs / 100) / 10} s (${about}).`,
    {
      next: `Look at what the engine wrote, restart it if it hangs (${service('restart')}), then try again.`,
    },
  );
}

export function lost(about: string, cause?: unknown): OnsteadError {
  return new OnsteadError('engine.lost', `The connection to the Docker Engine was lost (${about}).`, {
    next: `Check that the engine runs (${service('status')}), then try again.`,
    cause,
  });
}

export function silent(address: Address, timeoutMs: number): OnsteadError {
  const seconds = Math.round(timeoutMs / 100) / 10;
  return new OnsteadError(
    'engine.unreachable',
    `Something accepts connections at ${nameOf(address)} but did not answer within ${seconds} s.`,
    { next: `Restart the engine with ${service('restart')}, then try again.` },
  );
}

export function notDocker(address: Address, cause?: unknown): OnsteadError {
  return new OnsteadError('engine.not-docker', `What listens at ${nameOf(address)} is not a Docker Engine.`, {
    next: 'Install Docker Engine 20.10 or newer (Podman and others are not supported) and point at its socket.',
    cause,
  });
}

const UNREACHABLE: Record<string, readonly [sentence: string, next: string]> = {
  ENOENT: [
    'There is no Docker Engine at {at}: the socket does not exist.',
    `Install Docker Engine, or start it with ${service('start')}.`,
  ],
  EACCES: ['Permission to use the Docker Engine at {at} was denied.', 'Run this as root.'],
  EPERM: ['Permission to use the Docker Engine at {at} was denied.', 'Run this as root.'],
  ECONNREFUSED: [
    'The Docker Engine at {at} is not running: nothing listens there.',
    `Start it with ${service('start')}.`,
  ],
  ENOTSOCK: ['{at} is not a socket.', 'Name the socket of a running Docker Engine.'],
};

function unreachable(code: string, address: Address, cause: unknown): OnsteadError {
  const [sentence, next] = UNREACHABLE[code] ?? [
    `The Docker Engine at {at} cannot be reached (${code}).`,
    'Check the address and that the engine runs.',
  ];
  return new OnsteadError('engine.unreachable', sentence.replace('{at}', nameOf(address)), { next, cause });
}

function fromStatus(status: number, reason: string, about: string, cause: unknown): OnsteadError {
  const code: ErrorCode =
    status === 404 ? 'engine.not-found' : status === 409 ? 'engine.conflict' : 'engine.refused';
  return new OnsteadError(code, `Could not ${about}: ${reason}`, { next: cureFor(reason), cause });
}

/** For what nobody knows a better next action for. */
export const readEngineLog =
  'Look into the log of the engine ("journalctl -u docker", or its log file) for the cause, then try again.';

export function cureFor(reason: string): string {
  return knownCureFor(reason) ?? readEngineLog;
}

/** The next action for the causes that a customer can cure without knowing Docker. */
export function knownCureFor(reason: string): string | undefined {
  if (/no space left on device/i.test(reason)) return 'Free disk space, then try again.';
  if (/port is already allocated|address already in use/i.test(reason)) {
    return 'Stop the program that uses the port ("ss -ltnp" names it), then try again.';
  }
  return undefined;
}

function isConnectError(error: unknown): boolean {
  if (error === null || typeof error !== 'object') return false;
  if (error instanceof AggregateError) return error.errors.some(isConnectError);
  const syscall = 'syscall' in error ? error.syscall : undefined;
  return syscall === 'connect' || syscall === 'getaddrinfo';
}

export function statusOf(error: unknown): number | undefined {
  if (error === null || typeof error !== 'object' || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** dockerode writes "(HTTP code 404) no such container - <the engine's sentence> ". */
function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/^\(HTTP code \d+\) [^-]*- /, '')
    .trim();
}

export function isVersionMismatch(error: unknown): boolean {
  return statusOf(error) === 400 && /client version [\d.]+ is too (old|new)/i.test(messageOf(error));
}
