// How the one command of a container ends: its output line by line, then its exit code. Whoever started it may be
// gone since: it is read from its beginning, so that a daemon that came back learns the same as one that stayed.

import { OnsteadError } from '../base/errors.ts';
import type { StreamName } from './frames.ts';
import type { Link } from './link.ts';
import { readLogs } from './logs.ts';

export interface RunOutcome {
  readonly code: number;
  /** stdout and stderr as they came, the head dropped beyond `keepBytes`. */
  readonly output: string;
  readonly oomKilled: boolean;
}

export interface OutcomeOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: ((line: string, stream: StreamName) => void) | undefined;
  /** The end of the output is kept up to this. Default 256 KB. */
  readonly keepBytes?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 60 * 60_000;
const KEEP_BYTES = 256 * 1024;

export async function readOutcome(link: Link, id: string, options: OutcomeOptions): Promise<RunOutcome> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal, onLine, keepBytes = KEEP_BYTES } = options;
  const about = `wait for container ${id.slice(0, 12)}`;
  const late = AbortSignal.timeout(timeoutMs);
  const either = signal === undefined ? late : AbortSignal.any([late, signal]);
  let output = '';
  for await (const { line, stream } of readLogs(link, id, { follow: 'until-exit', signal: either })) {
    output = `${output}${line}\n`.slice(-keepBytes);
    onLine?.(line, stream);
  }
  if (signal?.aborted) throw signal.reason;
  if (late.aborted) throw tooLate(timeoutMs, output);
  const { State } = await link.call(about, (docker, abortSignal) =>
    docker.getContainer(id).inspect({ abortSignal } as object),
  );
  return { code: State.ExitCode, output, oomKilled: State.OOMKilled };
}

function tooLate(timeoutMs: number, output: string): OnsteadError {
  return new OnsteadError('engine.run-timeout', `It took longer than ${timeoutMs / 1000} s.`, {
    next: 'Read its last lines below; if it is only slow, allow it more time.',
    details: [{ message: output.split('\n').slice(-20).join('\n') }],
  });
}
