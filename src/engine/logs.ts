// A container's log as lines. Following survives restarts of the container and of the engine: it goes on after the
// last line it saw, and ends when the container is removed or the signal is aborted.

import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRetryable } from './failures.ts';
import type { Piece, StreamName } from './frames.ts';
import { readPieces, readRaw } from './frames.ts';
import type { Link } from './link.ts';

export interface LogLine {
  readonly stream: StreamName;
  readonly at: Date;
  readonly line: string;
}

export interface LogOptions {
  /** The last so many lines; all when left out. */
  readonly tail?: number;
  readonly since?: Date;
  readonly until?: Date;
  /** `until-exit`: to the end of this run of the container, and an engine that goes away is an error. */
  readonly follow?: boolean | 'until-exit';
  readonly signal?: AbortSignal;
}

interface StampedLine extends LogLine {
  /** As the engine wrote it, in nanoseconds: sorts as text. */
  readonly stamp: string;
}

/** A container may print for ever without a line end; what is longer than this comes in parts, under one stamp. */
const LONGEST_LINE_BYTES = 1024 * 1024;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;

export async function* readLogs(link: Link, id: string, options: LogOptions = {}): AsyncGenerator<LogLine> {
  const seen = new Seen();
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    try {
      const container = await look(link, id);
      if (container === undefined) return;
      for await (const line of readOnce(link, id, container.hasTerminal, options, seen.stamp)) {
        if (!seen.isNew(line)) continue;
        pauseMs = FIRST_PAUSE_MS;
        yield { stream: line.stream, at: line.at, line: line.line };
      }
      if (!options.follow) return;
      if (options.follow === 'until-exit' && !container.isRunning) return;
    } catch (error) {
      if (options.signal?.aborted) return;
      if (options.follow !== true || !isRetryable(error)) throw error;
    }
    await sleep(pauseMs, undefined, { signal: options.signal }).catch(() => {});
    if (options.signal?.aborted) return;
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    seen.rewind();
  }
}

/**
 * Which lines were handed out already. The engine's `since` is inclusive and several lines may carry one stamp, so
 * those are counted. The two streams are stamped apart and may pass each other by a little: each counts for itself,
 * and reading resumes one second early. While nothing is repeated nothing is dropped, whatever the clock does.
 */
class Seen {
  readonly #streams = { stdout: new SeenStream(), stderr: new SeenStream() };

  get stamp(): string {
    const { stdout, stderr } = this.#streams;
    return stdout.stamp > stderr.stamp ? stdout.stamp : stderr.stamp;
  }

  rewind(): void {
    for (const stream of Object.values(this.#streams)) stream.rewind();
  }

  isNew(line: StampedLine): boolean {
    return this.#streams[line.stream].isNew(line.stamp);
  }
}

class SeenStream {
  stamp = '';
  #withStamp = 0;
  #toSkip = 0;
  #isCatchingUp = false;

  rewind(): void {
    this.#toSkip = this.#withStamp;
    this.#isCatchingUp = this.stamp !== '';
  }

  isNew(stamp: string): boolean {
    if (this.#isCatchingUp && stamp < this.stamp) return false;
    if (this.#isCatchingUp && stamp === this.stamp && this.#toSkip > 0) {
      this.#toSkip -= 1;
      return false;
    }
    this.#isCatchingUp &&= stamp === this.stamp;
    this.#withStamp = stamp === this.stamp ? this.#withStamp + 1 : 1;
    this.stamp = stamp;
    return true;
  }
}

/** Undefined where the container is gone. */
async function look(
  link: Link,
  id: string,
): Promise<{ readonly hasTerminal: boolean; readonly isRunning: boolean } | undefined> {
  const raw = await link.callIfAny(`read the log of ${id.slice(0, 12)}`, (docker, abortSignal) =>
    docker.getContainer(id).inspect({ abortSignal } as object),
  );
  return raw === undefined ? undefined : { hasTerminal: raw.Config.Tty, isRunning: raw.State.Running };
}

async function* readOnce(
  link: Link,
  id: string,
  terminal: boolean,
  options: LogOptions,
  resumeAt: string,
): AsyncGenerator<StampedLine> {
  const about = `read the log of ${id.slice(0, 12)}`;
  const stream = await open(link, id, options, resumeAt, about);
  const stop = (): void => void stream.destroy();
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    yield* linesFrom(terminal ? readRaw(stream) : readPieces(stream));
  } catch (error) {
    throw link.translate(error, about);
  } finally {
    options.signal?.removeEventListener('abort', stop);
    stream.destroy();
  }
}

/** dockerode's own `logs` collects everything before it answers unless it follows; this streams either way. */
function open(
  link: Link,
  id: string,
  options: LogOptions,
  resumeAt: string,
  about: string,
): Promise<Readable> {
  const resumed = resumeAt !== '';
  const query = {
    stdout: true,
    stderr: true,
    timestamps: true,
    follow: Boolean(options.follow),
    tail: resumed || options.tail === undefined ? 'all' : options.tail,
    ...(resumed ? { since: secondsOf(resumeAt, 1) } : {}),
    ...(!resumed && options.since !== undefined ? { since: options.since.getTime() / 1000 } : {}),
    ...(options.until === undefined ? {} : { until: options.until.getTime() / 1000 }),
  };
  const send = (modem: Modem, abortSignal: AbortSignal): Promise<Readable> =>
    new Promise((resolve, reject) => {
      const request = {
        path: `/containers/${encodeURIComponent(id)}/logs?`,
        method: 'GET',
        isStream: true,
        abortSignal,
        options: query,
        statusCodes: { 200: true, 404: 'no such container', 409: 'container is dead', 500: 'server error' },
      };
      modem.dial(request, (error, data) => (error ? reject(error as Error) : resolve(data as Readable)));
    });
  return link.call(about, (docker, abortSignal) => send(docker.modem as Modem, abortSignal), {
    signal: options.signal,
  });
}

interface Modem {
  dial(request: object, done: (error: unknown, data: unknown) => void): void;
}

/** `2026-11-20T05:15:09.123456789Z` → `1763615709.123456789`, without losing the nanoseconds to a number. */
export function secondsOf(stamp: string, earlierSeconds = 0): string {
  const fraction = /\.(\d+)/.exec(stamp)?.[1] ?? '0';
  const whole = Math.floor(new Date(stamp).getTime() / 1000) - earlierSeconds;
  return `${whole}.${fraction.padEnd(9, '0')}`;
}

/**
 * Each message of a container is one frame that begins with its stamp. A line over 16 KB comes in several messages,
 * each with a stamp of its own and only the last with a line end.
 */
export async function* linesFrom(pieces: AsyncIterable<Piece>): AsyncGenerator<StampedLine> {
  const frame: Record<StreamName, Buffer[]> = { stdout: [], stderr: [] };
  const begun: Record<StreamName, { stamp: string; text: string } | undefined> = {
    stdout: undefined,
    stderr: undefined,
  };
  for await (const { stream, data, last } of pieces) {
    frame[stream].push(data);
    if (!last && lengthOf(frame[stream]) < LONGEST_LINE_BYTES) continue;
    const text = Buffer.concat(frame[stream]).toString('utf8');
    frame[stream] = [];
    const ends = text.endsWith('\n');
    const messages = (ends ? text.slice(0, -1) : text).split('\n');
    for (const [index, message] of messages.entries()) {
      const { stamp, rest } = splitStamp(message);
      const head = begun[stream];
      const line = head === undefined ? { stamp, text: rest } : { stamp: head.stamp, text: head.text + rest };
      const complete = ends || index < messages.length - 1;
      const tooLong = !complete && line.text.length >= LONGEST_LINE_BYTES;
      begun[stream] = complete ? undefined : tooLong ? { stamp: line.stamp, text: '' } : line;
      if (complete || tooLong) yield stamped(stream, line.stamp, line.text);
    }
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const head = begun[stream];
    if (head !== undefined && head.text !== '') yield stamped(stream, head.stamp, head.text);
  }
}

function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) ?/;

function splitStamp(message: string): { stamp: string; rest: string } {
  const match = STAMP.exec(message);
  if (match === null) return { stamp: '', rest: message };
  return { stamp: match[1]!, rest: message.slice(match[0].length) };
}

function stamped(stream: StreamName, stamp: string, text: string): StampedLine {
  const line = text.endsWith('\r') ? text.slice(0, -1) : text;
  return { stream, stamp, at: new Date(stamp), line };
}
