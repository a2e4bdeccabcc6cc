// The CLI with captured streams and, where a test wants one, a daemon of its own on a real socket.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pathsUnder } from '../../../src/base/paths.ts';
import { Client } from '../../../src/cli/client.ts';
import { runCli } from '../../../src/cli/run.ts';
import type { JournalEvent, OperationView } from '../../../src/api/schemas.ts';

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly socket?: string;
  readonly tty?: boolean;
  readonly columns?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly root?: string;
}

export class Captured extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;

  constructor(isTty = false, columns = 100) {
    super({ decodeStrings: false });
    this.isTTY = isTty;
    this.columns = columns;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export async function onstead(argv: readonly string[], options: CliOptions = {}): Promise<Said> {
  const [out, err] = [new Captured(options.tty, options.columns), new Captured(options.tty)];
  const socket = options.socket ?? '/nonexistent/onstead.sock';
  const code = await runCli(
    argv,
    { out, err, env: options.env ?? {} },
    {
      paths: { ...pathsUnder(options.root ?? '/nonexistent'), socket },
      client: new Client(socket),
      serve: async () => {},
      signal: options.signal ?? new AbortController().signal,
    },
  );
  return { code, out: out.text, err: err.text };
}

export type Answers = Readonly<Record<string, unknown>>;

/** What is called instead of answering with JSON. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

interface Ends {
  teardown(end: () => unknown): void;
}

/** Answers `METHOD /path` with JSON, or as the handler does; everything else is 404 as from the daemon. */
export async function openDaemon(t: Ends, given: Answers): Promise<string> {
  const answers: Answers = { 'GET /api/planned': { planned: null }, ...given };
  const folder = await mkdtemp(join(tmpdir(), 'onstead-cli-'));
  const server = createServer((request, response) => {
    const answer = answers[`${request.method} ${request.url}`];
    if (typeof answer === 'function') return (answer as Handler)(request, response);
    const status = answer === undefined ? 404 : answer instanceof Error ? 500 : 200;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(
        answer ?? {
          code: 'operation.unknown',
          message: `Nothing at ${request.url}.`,
          next: 'Look elsewhere.',
        },
      ),
    );
  });
  const socket = join(folder, 'onstead.sock');
  await once(server.listen(socket), 'listening');
  t.teardown(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  return socket;
}

export function linesOf(values: readonly unknown[]): Handler {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.end(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  };
}

const AT = Date.parse('2026-11-21T05:00:00Z');

export function event(atMs: number, more: Partial<JournalEvent>): JournalEvent {
  return {
    seq: atMs + 1,
    at: new Date(AT + atMs).toISOString(),
    operation: 'install-1',
    type: 'step',
    step: null,
    state: null,
    text: null,
    progress: null,
    ...more,
  };
}

export function operation(
  state: OperationView['state'],
  change: Partial<OperationView> = {},
  types: readonly string[] = ['preflight', 'load-images', 'start-services'],
): OperationView {
  return {
    id: 'install-1',
    kind: 'install',
    lane: 'stack',
    title: 'Install Notes 1.0.0',
    state,
    createdAt: new Date(AT).toISOString(),
    startedAt: new Date(AT).toISOString(),
    finishedAt: new Date(AT + 65_000).toISOString(),
    error: null,
    steps: types.map((type, at) => ({
      looks: ['preflight', 'verify-bundle', 'smoke-test'].includes(type),
      n: at + 1,
      type,
      title: `Title of ${type}`,
      state: 'done',
      attempts: 1,
      startedAt: null,
      finishedAt: null,
      note: null,
      error: null,
      progress: null,
    })),
    ...change,
  };
}
