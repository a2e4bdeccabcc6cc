// Answers that arrive over time: one JSON value a line, ended by the daemon, cut when the reader leaves,
// and no faster than the reader takes it.

import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { maskTexts, type Mask } from '../base/mask.ts';

export interface LineStream<T> {
  /** Takes the value at once. Resolves when the reader has room for more, or has gone: whoever goes on before that
   * keeps in memory what a slow reader does not take. */
  send(value: T): Promise<void>;
  /** For what may be left out: sent only to a reader who keeps up. */
  sendIfRoom(value: T): void;
  /** Aborted when the reader has gone. */
  readonly signal: AbortSignal;
}

export interface LineRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Each text of each value passes through it. */
  readonly mask: Mask;
}

/** Hands `work` a stream and ends the answer when it settles. Its errors must be sent as values by itself. */
export async function answerInLines<T>(
  { request, reply, mask }: LineRequest,
  work: (stream: LineStream<T>) => Promise<void>,
): Promise<void> {
  const gone = new AbortController();
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  reply.raw.on('close', () => gone.abort());
  const send = (value: T): Promise<void> => {
    if (gone.signal.aborted || reply.raw.write(lineOf(maskTexts(value, mask)))) return Promise.resolve();
    return roomIn(reply.raw);
  };
  const sendIfRoom = (value: T): void => {
    if (!reply.raw.writableNeedDrain) void send(value);
  };
  try {
    await work({ signal: gone.signal, send, sendIfRoom });
  } catch (error) {
    if (!gone.signal.aborted) request.log.error({ err: error }, 'an answer in lines broke off');
  } finally {
    reply.raw.end();
  }
}

function lineOf(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function roomIn(answer: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      answer.off('drain', done).off('close', done);
      resolve();
    };
    answer.on('drain', done).on('close', done);
  });
}
