// People at work, in a process of their own: they read and write through the edge over kept-alive and over fresh
// connections until stdin ends, then stdout tells what they were answered. Started by users.ts.

import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

interface Question {
  readonly port: number;
  readonly users: number;
  readonly pauseMs: number;
}

const [line = '{}'] = process.argv.slice(2);
const { port, users, pauseMs } = JSON.parse(line) as Question;
const failures: string[] = [];
const tookMs: number[] = [];
const made: number[] = [];
const over = new AbortController();
const startedMs = performance.now();

function ask(agent: Agent, method: string, path: string, body?: string): Promise<string> {
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
      text(answer).then(
        (said) =>
          (answer.statusCode ?? 0) < 400 ? resolve(said) : reject(new Error(`status ${answer.statusCode}`)),
        reject,
      );
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 60 s')));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function work(number: number): Promise<void> {
  // One half keeps its connections, the other begins a new one each time.
  const agent = new Agent({ keepAlive: number % 2 === 0, maxSockets: 1 });
  for (let round = 0; !over.signal.aborted; round += 1) {
    const isWrite = round % 4 === 3;
    const beganMs = performance.now();
    try {
      if (isWrite) {
        const said = await ask(
          agent,
          'POST',
          '/api/notes',
          JSON.stringify({ title: `user ${number} ${round}` }),
        );
        made.push((JSON.parse(said) as { id: number }).id);
      } else {
        await ask(agent, 'GET', '/api/notes');
      }
      tookMs.push(performance.now() - beganMs);
    } catch (error) {
      const at = ((beganMs - startedMs) / 1000).toFixed(1);
      failures.push(
        `${isWrite ? 'POST' : 'GET'} at ${at} s, ${agent.options.keepAlive ? 'kept' : 'fresh'}: ${(error as Error).message}`,
      );
    }
    await sleep(pauseMs);
  }
  agent.destroy();
}

process.stdin.on('end', () => over.abort()).resume();
await Promise.all(Array.from({ length: users }, (_, number) => work(number)));
process.stdout.write(JSON.stringify({ failures, tookMs, made }));
