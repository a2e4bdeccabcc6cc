// A small HTTP server: routes, one access log line a request, errors as JSON, and a drain that drops nobody.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface Request {
  readonly raw: IncomingMessage;
  readonly url: URL;
  readonly parameters: Readonly<Record<string, string>>;
  readonly response: ServerResponse;
}

export type Handler = (request: Request) => Promise<void> | void;

export interface Route {
  readonly method: string;
  /** `/api/notes/:id`; the text of it is also the label in metrics and log. */
  readonly path: string;
  readonly handle: Handler;
  /** Probes are logged only when they fail. */
  readonly isProbe?: boolean;
}

/** An answer that is no fault of the app. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface HttpOptions {
  readonly routes: readonly Route[];
  readonly metrics: Metrics;
  /** Runs before each handler that is no probe; releases for tests use it to misbehave. */
  readonly before?: () => Promise<void>;
}

const MAX_JSON_BYTES = 1024 * 1024;

export class HttpApp {
  readonly #server: Server;
  readonly #options: HttpOptions;
  #isDraining = false;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#server = createServer((raw, response) => void this.#answer(raw, response));
    // Longer than a proxy keeps its side (nginx: 60 s), so that it is never the app that closes first.
    this.#server.keepAliveTimeout = 75_000;
    this.#server.headersTimeout = 80_000;
    this.#server.requestTimeout = 15 * 60_000;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, '0.0.0.0', resolve);
    });
  }

  /** From here on every answer asks its client to connect anew, and so elsewhere. */
  startDraining(): void {
    this.#isDraining = true;
  }

  /** Takes no new connection, lets running requests end, and says whether all did before the limit. */
  async close(limitMs: number): Promise<boolean> {
    let isComplete = true;
    const timer = setTimeout(() => {
      isComplete = false;
      this.#server.closeAllConnections();
    }, limitMs);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // A connection whose answer began before the drain was not told to close, and falls idle only later.
    const sweep = setInterval(() => this.#server.closeIdleConnections(), 100);
    await closed;
    clearTimeout(timer);
    clearInterval(sweep);
    return isComplete;
  }

  async #answer(raw: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    const { metrics } = this.#options;
    const url = new URL(raw.url ?? '/', 'http://app');
    const found = findRoute(this.#options.routes, raw.method ?? 'GET', url.pathname);
    const requestId = requestIdOf(raw);
    response.setHeader('x-request-id', requestId);
    if (this.#isDraining) response.setHeader('connection', 'close');
    metrics.inFlight += 1;
    response.once('close', () => {
      metrics.inFlight -= 1;
      const ms = performance.now() - startedMs;
      const status = response.writableFinished ? response.statusCode : 499;
      const method = raw.method ?? 'GET';
      metrics.answered(method, found?.route.path ?? 'none', status, ms);
      if (found?.route.isProbe === true && status < 400) return;
      log('info', 'request', { method, path: url.pathname, status, ms: Math.round(ms * 10) / 10, requestId });
    });
    await this.#handle({ raw, url, response, parameters: found?.parameters ?? {} }, found?.route, requestId);
  }

  async #handle(request: Request, route: Route | undefined, requestId: string): Promise<void> {
    try {
      if (route === undefined) throw new RequestError(404, 'There is nothing here.');
      if (route.isProbe !== true) await this.#options.before?.();
      await route.handle(request);
    } catch (error) {
      answerError(request, error, requestId);
    }
  }
}

function findRoute(
  routes: readonly Route[],
  method: string,
  pathname: string,
): { route: Route; parameters: Record<string, string> } | undefined {
  const parts = pathname.split('/');
  for (const route of routes) {
    if (route.method !== method && !(method === 'HEAD' && route.method === 'GET')) continue;
    const names = route.path.split('/');
    if (names.length !== parts.length) continue;
    const fits = names.every((name, index) =>
      name.startsWith(':') ? parts[index] !== '' : name === parts[index],
    );
    if (!fits) continue;
    const pairs = names.flatMap((name, index) =>
      name.startsWith(':') ? [[name.slice(1), parts[index]!]] : [],
    );
    return { route, parameters: Object.fromEntries(pairs) as Record<string, string> };
  }
  return undefined;
}

function requestIdOf(raw: IncomingMessage): string {
  const given = raw.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}

function answerError(request: Request, error: unknown, requestId: string): void {
  const { response } = request;
  const status = error instanceof RequestError ? error.status : 500;
  const message = error instanceof Error ? error.message : String(error);
  if (status >= 500)
    log('error', 'request failed', { path: request.url.pathname, error: message, requestId });
  if (response.headersSent) return void response.destroy();
  const shown = error instanceof RequestError ? message : 'Something failed here.';
  // The rest of an unread body would be taken for the next request.
  if (!request.raw.complete) response.setHeader('connection', 'close');
  answerJson(request, status, { error: shown, requestId });
}

export function answerJson(request: Request, status: number, value: unknown): void {
  answerText(request, status, `${JSON.stringify(value)}\n`, 'application/json');
}

export function answerText(request: Request, status: number, text: string, type: string): void {
  const { response } = request;
  response.statusCode = status;
  response.setHeader('content-type', `${type}; charset=utf-8`);
  response.setHeader('cache-control', 'no-store');
  response.setHeader('content-length', Buffer.byteLength(text));
  response.end(request.raw.method === 'HEAD' ? undefined : text);
}

export async function readBody(request: Request, limitBytes = MAX_JSON_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.raw as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) throw new RequestError(413, `The body is larger than ${limitBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export async function readJson(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const text = (await readBody(request)).toString();
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // The same answer as for JSON that is no object.
  }
  throw new RequestError(400, 'The body is not a JSON object.');
}
