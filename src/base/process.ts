// Child processes: no shell, bounded output, bounded time, and errors without their arguments' secrets.

import { spawn } from 'node:child_process';
import { OnsteadError } from './errors.ts';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string | Uint8Array;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Called for each full line as it arrives. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Exit codes that are an answer, not a failure. Default: 0 alone. */
  readonly accept?: readonly number[];
  /** Output kept in memory for each stream; the head is dropped beyond it. */
  readonly keepBytes?: number;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Tail {
  #text = '';
  #line = '';
  readonly #keep: number;
  readonly #onLine: ((line: string) => void) | undefined;

  constructor(keep: number, onLine: ((line: string) => void) | undefined) {
    this.#keep = keep;
    this.#onLine = onLine;
  }

  push(chunk: string): void {
    this.#text = (this.#text + chunk).slice(-this.#keep);
    if (this.#onLine === undefined) return;
    const lines = (this.#line + chunk).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }

  end(): string {
    if (this.#line !== '') this.#onLine?.(this.#line);
    return this.#text;
  }
}

export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { accept = [0], keepBytes = 8 * 1024 * 1024, onLine } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const out = new Tail(keepBytes, onLine && ((line) => onLine(line, 'stdout')));
    const err = new Tail(keepBytes, onLine && ((line) => onLine(line, 'stderr')));
    let ended: 'timeout' | 'aborted' | undefined;
    const stop = (why: 'timeout' | 'aborted'): void => {
      ended ??= why;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
    };
    const onAbort = (): void => stop('aborted');
    const timer =
      options.timeoutMs === undefined ? undefined : setTimeout(() => stop('timeout'), options.timeoutMs);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted) onAbort();
    const settle = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    };

    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => out.push(chunk));
    child.stderr!.setEncoding('utf8').on('data', (chunk: string) => err.push(chunk));
    child.stdin?.on('error', () => {}); // a child that ends early; its exit code tells why
    child.stdin?.end(options.stdin);
    child.on('error', (cause) => {
      settle();
      reject(
        new OnsteadError('process.missing', `The program "${command}" could not be started.`, {
          next: `Install "${command}", then try again.`,
          cause,
        }),
      );
    });
    child.on('close', (code, signal) => {
      settle();
      const result = { code: code ?? -1, stdout: out.end(), stderr: err.end() };
      if (ended === undefined && accept.includes(result.code)) return resolve(result);
      const how = ended ?? (signal === null ? `ended with code ${code}` : `was ended by ${signal}`);
      const said = lastLines(result.stderr || result.stdout, 8);
      reject(
        new OnsteadError('process.failed', `${command} ${args[0] ?? ''} ${how}${said && `: ${said}`}`, {
          next:
            ended === 'timeout'
              ? `See whether "${command}" hangs on this machine, then try again.`
              : `Mend what "${command}" says, then try again.`,
          details: [{ message: said, exitCode: result.code }],
        }),
      );
    });
  });
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join('\n');
}
