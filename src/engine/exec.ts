// A command inside a running container. Secrets go in by stdin, never by argument or environment: those stand in
// the process list and in the engine's own records.

import { readFile } from 'node:fs/promises';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exec } from 'dockerode';
import { OnsteadError } from '../base/errors.ts';
import { lost } from './failures.ts';
import { readPieces } from './frames.ts';
import type { Link } from './link.ts';

export interface ExecSpec {
  readonly cmd: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  /** Visible in the engine's records: no secrets. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array | Readable;
  /** Output as it arrives; then `stdout` of the result stays empty. A promise holds the stream back. */
  readonly onStdout?: (chunk: Buffer) => void | Promise<void>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Each stream is kept up to this; beyond it the call fails. Default 64 MB. */
  readonly maxOutputBytes?: number;
}

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The same output where it is no text. */
  readonly stdoutBytes: Buffer;
}

const DEFAULT_TIMEOUT_MS = 10 * 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export async function execute(link: Link, id: string, spec: ExecSpec): Promise<ExecResult> {
  const about = `run "${spec.cmd[0]}" in container ${id.slice(0, 12)}`;
  const exec = await create(link, id, spec, about);
  const socket = (await link.call(about, (_, abortSignal) =>
    exec.start({ hijack: true, stdin: spec.stdin !== undefined, abortSignal }),
  )) as Duplex;
  const watch = watchTime(spec, about, (reason) => socket.destroy(reason));
  try {
    return await converse(link, exec, socket, spec, about, () => watch.reason() !== undefined);
  } catch (error) {
    if (watch.reason() === undefined) throw link.translate(error, about);
    await killInside(link, exec, id);
    throw watch.reason();
  } finally {
    watch.stop();
    socket.destroy();
  }
}

function create(link: Link, id: string, spec: ExecSpec, about: string): Promise<Exec> {
  return link.call(about, (docker, abortSignal) =>
    docker.getContainer(id).exec({
      Cmd: [...spec.cmd],
      AttachStdin: spec.stdin !== undefined,
      AttachStdout: true,
      AttachStderr: true,
      Env: Object.entries(spec.env ?? {}).map(([name, value]) => `${name}=${value}`),
      ...(spec.user === undefined ? {} : { User: spec.user }),
      ...(spec.workdir === undefined ? {} : { WorkingDir: spec.workdir }),
      abortSignal,
    }),
  );
}

async function converse(
  link: Link,
  exec: Exec,
  socket: Duplex,
  spec: ExecSpec,
  about: string,
  isCut: () => boolean,
): Promise<ExecResult> {
  // A command that ends without reading all of its input is no failure; its exit code tells.
  const feeding = spec.stdin === undefined ? undefined : feed(spec.stdin, socket).catch(() => {});
  const output = new Output(spec, about);
  let broken: unknown;
  try {
    for await (const { stream, data } of readPieces(socket)) await output.add(stream, data);
  } catch (error) {
    if (error instanceof OnsteadError) throw error;
    broken = error;
  }
  socket.destroy();
  await feeding;
  if (isCut()) throw broken ?? new Error('cut');
  const code = await exitCodeOf(link, exec, about, broken === undefined ? 50 : 5);
  if (code === undefined) throw lost(about, broken);
  return output.result(code);
}

/** Ends the sending half of the connection alone, so that the command sees the end and can still answer. */
async function feed(input: string | Uint8Array | Readable, socket: Duplex): Promise<void> {
  if (typeof input === 'string' || input instanceof Uint8Array) {
    socket.end(input);
    return;
  }
  await pipeline(input, async function (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
      if (socket.destroyed) return;
    }
    socket.end();
  });
}

function once(socket: Duplex, event: string): Promise<void> {
  return new Promise((resolve) => void socket.once(event, () => resolve()));
}

class Output {
  readonly #chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  readonly #bytes = { stdout: 0, stderr: 0 };
  readonly #spec: ExecSpec;
  readonly #about: string;

  constructor(spec: ExecSpec, about: string) {
    this.#spec = spec;
    this.#about = about;
  }

  async add(stream: 'stdout' | 'stderr', data: Buffer): Promise<void> {
    if (stream === 'stdout' && this.#spec.onStdout !== undefined) return this.#spec.onStdout(data);
    this.#bytes[stream] += data.length;
    if (this.#bytes[stream] > (this.#spec.maxOutputBytes ?? MAX_OUTPUT_BYTES)) {
      throw new OnsteadError('engine.output', `More output than is kept came back (${this.#about}).`, {
        next: 'Look with `onstead logs` at what the service does, then try again.',
      });
    }
    this.#chunks[stream].push(data);
  }

  result(code: number): ExecResult {
    const stdoutBytes = Buffer.concat(this.#chunks.stdout);
    const stderr = Buffer.concat(this.#chunks.stderr).toString('utf8');
    // Binary output of megabytes is not decoded unless someone asks for its text.
    return {
      code,
      stderr,
      stdoutBytes,
      get stdout() {
        return stdoutBytes.toString('utf8');
      },
    };
  }
}

/** The engine may close the stream a moment before it knows the exit code. Undefined: it still runs. */
async function exitCodeOf(link: Link, exec: Exec, about: string, looks: number): Promise<number | undefined> {
  for (let tries = 0; tries < looks; tries += 1) {
    const state = await link.call(about, () => exec.inspect());
    if (!state.Running && state.ExitCode !== null) return state.ExitCode;
    await sleep(20 + tries * 5);
  }
  return undefined;
}

function watchTime(
  spec: ExecSpec,
  about: string,
  stop: (reason: Error) => void,
): { reason(): unknown; stop(): void } {
  let reason: unknown;
  const end = (why: unknown): void => {
    reason ??= why;
    stop(new Error('stopped'));
  };
  const timeoutMs = spec.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const late = new OnsteadError(
    'engine.exec-timeout',
    `It took longer than ${timeoutMs / 1000} s (${about}).`,
    { next: 'See with `onstead status` and `onstead logs` whether the service hangs, then try again.' },
  );
  const timer = setTimeout(() => end(late), timeoutMs);
  const onAbort = (): void => end(spec.signal?.reason);
  spec.signal?.addEventListener('abort', onAbort, { once: true });
  if (spec.signal?.aborted) onAbort();
  return {
    reason: () => reason,
    stop: () => {
      clearTimeout(timer);
      spec.signal?.removeEventListener('abort', onAbort);
    },
  };
}

/**
 * The engine has no call that ends a command. Its process is on this host, so it is ended by id, and only after the
 * kernel said that this id belongs to that container; with an engine elsewhere nothing matches and nothing is done.
 */
async function killInside(link: Link, exec: Exec, containerId: string): Promise<void> {
  try {
    const state = await link.call('look at a command', () => exec.inspect());
    if (!state.Running || state.Pid <= 1) return;
    const group = await readFile(`/proc/${state.Pid}/cgroup`, 'utf8');
    if (group.includes(state.ContainerID || containerId)) process.kill(state.Pid, 'SIGKILL');
  } catch {
    // Gone already, or not ours to see: the caller learns of the time limit either way.
  }
}
