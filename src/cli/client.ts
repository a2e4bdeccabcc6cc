// The CLI's way to the daemon: HTTP over its unix socket.

import { createInterface } from 'node:readline';
import type { IncomingMessage } from 'node:http';
import { errorFrom, OnsteadError, systemCode, type ErrorReport } from '../base/errors.ts';
import { http } from '../base/http.ts';

export class Client {
  readonly #socket: string;
  /** The command that starts a daemon which does not answer. */
  readonly #start: string;

  constructor(socket: string, start = 'onstead serve') {
    this.#socket = socket;
    this.#start = start;
  }

  async get<T>(path: string): Promise<T> {
    return this.#whole<T>('GET', path);
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    return this.#whole<T>('POST', path, body);
  }

  /** An answer that arrives line by line, each a JSON value. */
  async *lines<T>(
    path: string,
    options: { readonly body?: unknown; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<T> {
    const response = await this.#send(
      options.body === undefined ? 'GET' : 'POST',
      path,
      options.body,
      options.signal,
    );
    if ((response.statusCode ?? 500) >= 400) throw await failure(response);
    try {
      for await (const line of createInterface({ input: response })) {
        if (line !== '') yield JSON.parse(line) as T;
      }
    } catch (error) {
      // A daemon that ends in the middle cuts the answer; what was read so far is not all of it.
      if (options.signal?.aborted || systemCode(error) !== 'ECONNRESET') throw error;
      throw this.#unreachable(error as Error);
    }
  }

  async #whole<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, body);
    if ((response.statusCode ?? 500) >= 400) throw await failure(response);
    return (await readJson(response)) as T;
  }

  #send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = http.request(
        {
          socketPath: this.#socket,
          method,
          path,
          headers:
            text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
          ...(signal === undefined ? {} : { signal }),
        },
        resolve,
      );
      outgoing.on('error', (error) => reject(signal?.aborted ? error : this.#unreachable(error)));
      outgoing.end(text);
    });
  }

  #unreachable(cause: Error): OnsteadError {
    if (systemCode(cause) === 'EACCES') {
      return new OnsteadError(
        'daemon.forbidden',
        `The daemon's socket ${this.#socket} is open to root only.`,
        {
          next: 'Run the command as root, for example with sudo.',
          cause,
        },
      );
    }
    const gone = systemCode(cause) === 'ENOENT' || systemCode(cause) === 'ECONNREFUSED';
    return new OnsteadError(
      'daemon.unreachable',
      gone
        ? `The Onstead daemon is not running (no answer at ${this.#socket}).`
        : `The connection to the daemon broke: ${cause.message}.`,
      { next: `Start it with \`${this.#start}\`.`, cause },
    );
  }
}

async function readJson(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

async function failure(response: IncomingMessage): Promise<OnsteadError> {
  try {
    return errorFrom((await readJson(response)) as ErrorReport);
  } catch (cause) {
    return new OnsteadError('daemon.answer', `The daemon answered ${response.statusCode} without a reason.`, {
      next: 'Look into its log for the cause: `journalctl -u onstead`, or its log file.',
      cause,
    });
  }
}
