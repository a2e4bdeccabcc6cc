// Child processes in groups of their own, so that a stopped run ends exactly what it started, by id.

import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface ChildOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly limitMs?: number;
  readonly onStdout?: (line: string) => void;
  readonly onStderr?: (line: string) => void;
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
}

const GRACE_MS = 5_000;
const PIPE_GRACE_MS = 2_000;

export class Children {
  readonly #groups = new Set<number>();
  #stopped = false;

  async run(command: string, args: readonly string[], options: ChildOptions): Promise<ChildEnd> {
    if (this.#stopped) return { code: null, signal: 'SIGTERM', timedOut: false };
    const child = spawn(command, [...args], {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const { pid } = child;
    if (pid !== undefined) this.#groups.add(pid);
    let timedOut = false;
    const limit = setTimeout(
      () => {
        timedOut = true;
        if (pid !== undefined) endGroup(pid);
      },
      options.limitMs ?? 2 ** 31 - 1,
    );
    splitLines(child.stdout, options.onStdout);
    splitLines(child.stderr, options.onStderr);
    try {
      const [code, signal] = await endOf(child);
      return { code, signal, timedOut };
    } finally {
      clearTimeout(limit);
      if (pid !== undefined) this.#groups.delete(pid);
    }
  }

  /** Ends every child, politely first; nothing is started afterwards. */
  stop(): void {
    this.#stopped = true;
    for (const pid of this.#groups) endGroup(pid);
  }

  get isStopped(): boolean {
    return this.#stopped;
  }
}

/** What a child leaves behind in its group would keep the machine busy; what left the group may hold the pipes. */
function endOf(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => {
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, PIPE_GRACE_MS).unref();
    });
    child.once('close', (code, signal) => resolve([code, signal]));
  });
}

function splitLines(stream: Readable | null, onLine: ((line: string) => void) | undefined): void {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine?.(line);
  });
  stream?.once('close', () => {
    if (rest !== '') onLine?.(rest);
  });
}

function endGroup(pid: number): void {
  signalGroup(pid, 'SIGTERM');
  setTimeout(() => signalGroup(pid, 'SIGKILL'), GRACE_MS).unref();
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended already.
  }
}
