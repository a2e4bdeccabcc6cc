// Answers that arrive over time: one JSON value a line, ended by the daemon, cut when the reader leaves.

import type { FastifyReply, FastifyRequest } from 'fastify';

export interface LineStream<T> {
  send(value: T): void;
  /** Aborted when the reader has gone. */
  readonly signal: AbortSignal;
}

/** Hands `work` a stream and ends the answer when it settles. Its errors must be sent as values by itself. */
export async function answerInLines<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  work: (stream: LineStream<T>) => Promise<void>,
): Promise<void> {
  const gone = new AbortController();
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  reply.raw.on('close', () => gone.abort());
  try {
    await work({
      signal: gone.signal,
      send: (value) => {
        if (!gone.signal.aborted) reply.raw.write(`${JSON.stringify(value)}\n`);
      },
    });
  } catch (error) {
    if (!gone.signal.aborted) request.log.error({ err: error }, 'an answer in lines broke off');
  } finally {
    reply.raw.end();
  }
}
