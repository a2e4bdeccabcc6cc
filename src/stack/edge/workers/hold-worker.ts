// Lets requests go on, or holds them: nginx asks here before each of them. It obeys its parent by lines on stdin and ends
// with it, and whoever waited then goes on: nothing is held by anybody who is not there any more.

import { createServer, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import { actAsService } from '../../../base/priority.ts';
import { mayGoOnPort } from '../upstreams.ts';

actAsService();

/** Each that waits, and since when. */
const waiting = new Map<ServerResponse, number>();
/** Of all that came while requests were held. */
let [waited, longestMs] = [0, 0];
let isHolding = false;
let limit: NodeJS.Timeout | undefined;

function open(): void {
  clearTimeout(limit);
  isHolding = false;
  for (const response of [...waiting.keys()]) {
    letGo(response);
    response.writeHead(204).end();
  }
}

/** It goes on, or whoever asked is gone. */
function letGo(response: ServerResponse): void {
  const sinceMs = waiting.get(response);
  if (sinceMs === undefined) return;
  longestMs = Math.max(longestMs, performance.now() - sinceMs);
  waiting.delete(response);
}

function hold(limitMs: number): void {
  isHolding = true;
  clearTimeout(limit);
  limit = setTimeout(open, limitMs);
}

const server = createServer((_request, response) => {
  if (!isHolding) return void response.writeHead(204).end();
  waiting.set(response, performance.now());
  waited += 1;
  response.on('close', () => letGo(response));
});
server.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
server.listen(mayGoOnPort, '127.0.0.1', 4096, () =>
  process.stdout.write('{"held":0,"waited":0,"longestMs":0}\n'),
);

/** `hold MS`, `open`, `count`; each is answered by how many wait, and what all did that waited until now. */
const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => {
  const [word, number] = line.split(' ');
  if (word === 'hold') hold(Number(number));
  if (word === 'open') open();
  process.stdout.write(
    `${JSON.stringify({ held: waiting.size, waited, longestMs: Math.round(longestMs) })}\n`,
  );
});
orders.on('close', () => {
  open();
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), 1_000).unref();
});
