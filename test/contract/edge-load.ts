// Clients of the edge in a process of their own: GET, POST of 20 kB and POST in chunks, over kept-alive and over fresh
// connections, until stdin ends; then stdout tells what they met. Every body is compared with what was sent.

import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LoadQuestion {
  readonly port: number;
  readonly users: number;
  readonly pauseMs: number;
}

export interface LoadSeen {
  readonly answered: number;
  readonly posted: number;
  readonly longestMs: number;
  /** One line for each request that was not answered well. */
  readonly failures: readonly string[];
  /** Replicas that answered. */
  readonly hosts: readonly string[];
}

interface Told {
  readonly host: string;
  readonly sha256: string;
}

const BODY_BYTES = 20_000;

async function read(answer: IncomingMessage): Promise<Told> {
  const said = await text(answer);
  if (answer.statusCode === 200) return JSON.parse(said) as Told;
  throw new Error(`status ${answer.statusCode}`);
}

function ask(port: number, agent: Agent, body: Buffer | undefined, inChunks: boolean): Promise<Told> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        agent,
        rejectUnauthorized: false,
        timeout: 60_000,
        path: '/any',
        method: body === undefined ? 'GET' : 'POST',
        headers: body === undefined || inChunks ? {} : { 'content-length': body.length },
      },
      (answer) => void read(answer).then(resolve, reject),
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 60 s')));
    outgoing.on('error', reject);
    if (body !== undefined && inChunks) {
      outgoing.write(body.subarray(0, BODY_BYTES / 4));
      setTimeout(() => outgoing.end(body.subarray(BODY_BYTES / 4)), 20);
    } else outgoing.end(body);
  });
}

async function main({ port, users, pauseMs }: LoadQuestion): Promise<void> {
  const over = new AbortController();
  process.stdin.on('end', () => over.abort()).resume();
  const failures: string[] = [];
  const hosts = new Set<string>();
  const startedMs = performance.now();
  let [answered, posted, longestMs] = [0, 0, 0];
  const work = async (number: number): Promise<void> => {
    // One half keeps its connections, the other begins a new one each time.
    const keepAlive = number % 2 === 0;
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    for (let round = Math.floor(number / 2); !over.signal.aborted; round += 1) {
      const way = (['GET', 'POST', 'GET', 'chunked POST'] as const)[round % 4]!;
      const body = way === 'GET' ? undefined : randomBytes(BODY_BYTES);
      const beganMs = performance.now();
      try {
        const told = await ask(port, agent, body, way === 'chunked POST');
        const sent = createHash('sha256')
          .update(body ?? '')
          .digest('hex');
        if (told.sha256 !== sent) throw new Error('the body did not arrive whole');
        hosts.add(told.host);
        answered += 1;
        if (body !== undefined) posted += 1;
      } catch (error) {
        const at = ((beganMs - startedMs) / 1000).toFixed(1);
        failures.push(`${way} at ${at} s, ${keepAlive ? 'kept' : 'fresh'}: ${(error as Error).message}`);
      }
      longestMs = Math.max(longestMs, performance.now() - beganMs);
      await sleep(pauseMs);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: users }, (_, number) => work(number)));
  const seen: LoadSeen = { answered, posted, longestMs, failures, hosts: [...hosts] };
  process.stdout.write(JSON.stringify(seen));
}

const [question] = process.argv.slice(2);
if (question !== undefined) await main(JSON.parse(question) as LoadQuestion);
