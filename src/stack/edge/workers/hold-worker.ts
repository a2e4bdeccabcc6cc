// Lets requests go on, or holds them: nginx asks here before each of them. It obeys its parent by lines on stdin and ends
// with it, and whoever waited then goes on: nothing is held by anybody who is not there any more.

import { createServer, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import { mayGoOnPort } from '../upstreams.ts';

const waiting = new Set<ServerResponse>();
let isHolding = false;
let limit: NodeJS.Timeout | undefined;

function open(): void {
  clearTimeout(limit);
  isHolding = false;
  for (const response of waiting) response.writeHead(204).end();
  waiting.clear();
}

function hold(limitMs: number): void {
  isHolding = true;
  clearTimeout(limit);
  limit = setTimeout(open, limitMs);
}

const server = createServer((_request, response) => {
  if (!isHolding) return void response.writeHead(204).end();
  waiting.add(response);
  response.on('close', () => waiting.delete(response));
});
server.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
server.listen(mayGoOnPort, '127.0.0.1', 4096, () => process.stdout.write('{"held":0}\n'));

/** `hold MS`, `open`, `count`; each is answered by how many wait. */
const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => {
  const [word, number] = line.split(' ');
  if (word === 'hold') hold(Number(number));
  if (word === 'open') open();
  process.stdout.write(`${JSON.stringify({ held: waiting.size, isHolding })}\n`);
});
orders.on('close', () => {
  open();
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), 1_000).unref();
});
