// People at work, in a process of their own: they read and write through the edge over kept-alive and over fresh
// connections until stdin ends, then stdout tells what they were answered. Started by users.ts.

import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

export interface UsersQuestion {
  readonly port: number;
  readonly users: number;
  /** From one answer to the next question of the same person. */
  readonly pauseMs: number;
  /** Characters that each note is made longer by. */
  readonly bodyLength?: number;
  /** Every fourth note gets a file. */
  readonly keepsFiles?: boolean;
}

/** One request: when it began by the machine's clock, how long it took, what came. */
export interface UserSample {
  readonly atMs: number;
  readonly tookMs: number;
  readonly method: 'GET' | 'POST';
  readonly connection: 'kept' | 'fresh';
  /** 0 where no answer came. */
  readonly status: number;
  /** What is wrong with it. */
  readonly failure?: string;
}

/** A file whose keeping was answered. */
export interface KeptFile {
  readonly path: string;
  readonly content: string;
}

export interface UsersAnswer {
  readonly samples: readonly UserSample[];
  readonly made: readonly number[];
  readonly files: readonly KeptFile[];
}

const [line = '{}'] = process.argv.slice(2);
const { port, users, pauseMs, bodyLength = 0, keepsFiles = false } = JSON.parse(line) as UsersQuestion;
const samples: UserSample[] = [];
const made: number[] = [];
const files: KeptFile[] = [];
const over = new AbortController();

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(agent: Agent, method: string, path: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const options = {
      host: '127.0.0.1',
      servername: 'localhost',
      port,
      rejectUnauthorized: false,
      timeout: 60_000,
    };
    const outgoing = request({ ...options, agent, method, path, headers }, (answer) => {
      text(answer).then((said) => resolve({ status: answer.statusCode ?? 0, body: said }), reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 60 s')));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Throws where a note was answered as made but has no number. */
async function readOrWrite(agent: Agent, number: number, round: number): Promise<number> {
  if (round % 4 !== 3) return (await ask(agent, 'GET', '/api/notes')).status;
  const note = { title: `user ${number} ${round}`, body: 'x'.repeat(bodyLength) };
  const { status, body } = await ask(agent, 'POST', '/api/notes', JSON.stringify(note));
  if (status >= 400) return status;
  const { id } = JSON.parse(body) as { id: number };
  made.push(id);
  return keepsFiles && round % 16 === 15 ? keepFile(agent, id, `of ${note.title}`) : status;
}

async function keepFile(agent: Agent, note: number, content: string): Promise<number> {
  const path = `/api/notes/${note}/attachments`;
  const { status, body } = await ask(agent, 'PUT', `${path}?name=a.txt`, content);
  if (status < 400) files.push({ path: `${path}/${(JSON.parse(body) as { id: number }).id}`, content });
  return status;
}

async function work(number: number): Promise<void> {
  // One half keeps its connections, the other begins a new one each time.
  const isKept = number % 2 === 0;
  const agent = new Agent({ keepAlive: isKept, maxSockets: 1 });
  for (let round = 0; !over.signal.aborted; round += 1) {
    const atMs = Date.now();
    const begunMs = performance.now();
    const outcome = await readOrWrite(agent, number, round).then(
      (status) => ({ status, ...(status >= 400 ? { failure: `status ${status}` } : {}) }),
      (error: unknown) => ({ status: 0, failure: error instanceof Error ? error.message : String(error) }),
    );
    samples.push({
      atMs,
      tookMs: performance.now() - begunMs,
      method: round % 4 === 3 ? 'POST' : 'GET',
      connection: isKept ? 'kept' : 'fresh',
      ...outcome,
    });
    await sleep(pauseMs);
  }
  agent.destroy();
}

process.stdin.on('end', () => over.abort()).resume();
await Promise.all(Array.from({ length: users }, (_, number) => work(number)));
process.stdout.write(JSON.stringify({ samples, made, files } satisfies UsersAnswer));
