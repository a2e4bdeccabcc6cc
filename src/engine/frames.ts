// The engine's multiplexed stream (stdout and stderr on one wire, 8 bytes of header before each piece) taken apart
// without copying, and lines of JSON. Whole memory use is one chunk, whatever the length.

import { StringDecoder } from 'node:string_decoder';
import { OnsteadError } from '../base/errors.ts';

export type StreamName = 'stdout' | 'stderr';

export interface Piece {
  readonly stream: StreamName;
  readonly data: Buffer;
  /** The last piece of its frame; a log message is one frame. */
  readonly last: boolean;
}

const HEADER_BYTES = 8;
const NAMES: readonly (StreamName | undefined)[] = ['stdout', 'stdout', 'stderr'];

export async function* readPieces(source: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  const header = Buffer.alloc(HEADER_BYTES);
  let filled = 0;
  let remaining = 0;
  for await (const chunk of source) {
    let at = 0;
    while (at < chunk.length) {
      if (remaining === 0) {
        const copied = chunk.copy(header, filled, at, at + HEADER_BYTES - filled);
        at += copied;
        filled += copied;
        if (filled < HEADER_BYTES) break;
        remaining = header.readUInt32BE(4);
        filled = remaining === 0 ? 0 : HEADER_BYTES;
        continue;
      }
      const data = chunk.subarray(at, at + remaining);
      at += data.length;
      remaining -= data.length;
      yield { stream: streamNameOf(header), data, last: remaining === 0 };
      if (remaining === 0) filled = 0;
    }
  }
}

function streamNameOf(header: Buffer): StreamName {
  const name = NAMES[header[0]!];
  if (name !== undefined) return name;
  throw new OnsteadError('engine.refused', 'The engine sent output in an unknown form.', {
    next: 'See with `docker version` that it is a Docker Engine from 20.10 on, then try again.',
  });
}

/** A container with a terminal sends plain bytes. */
export async function* readRaw(source: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  for await (const data of source) yield { stream: 'stdout', data, last: data.at(-1) === 0x0a };
}

export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  push(data: Buffer): string[] {
    const lines = (this.#rest + this.#decoder.write(data)).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines;
  }

  /** What came after the last line end, if anything. */
  end(): string[] {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = '';
    return rest === '' ? [] : [rest];
  }
}

export async function* readJsonLines(source: AsyncIterable<Buffer>): AsyncGenerator<Record<string, unknown>> {
  const splitter = new LineSplitter();
  for await (const chunk of source) {
    for (const line of splitter.push(chunk)) yield* parseLine(line);
  }
  for (const line of splitter.end()) yield* parseLine(line);
}

/** What is no JSON object is passed on as text, so that nobody loses an engine's last words. */
function* parseLine(line: string): Generator<Record<string, unknown>> {
  if (line.trim() === '') return;
  try {
    const value: unknown = JSON.parse(line);
    yield value !== null && typeof value === 'object' ? { ...value } : { stream: line };
  } catch {
    yield { stream: line };
  }
}
