// The app behind the edge under test, run by node inside a container: says who it is, gives bodies back, answers
// slowly, speaks over an upgraded connection, and fails while a file says that what it needs is away.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { hostname } from 'node:os';

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://app');
  if (url.pathname === '/slow') {
    const pieces = Number(url.searchParams.get('pieces'));
    let sent = 0;
    response.writeHead(200, { 'content-length': pieces * 1000 });
    const timer = setInterval(() => {
      sent += 1;
      response.write('.'.repeat(1000));
      if (sent < pieces) return;
      clearInterval(timer);
      response.end();
    }, 100);
    return;
  }
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  request.on('end', () => {
    // What a database that is away does to whoever needs it, at the moment it is needed.
    const isAway = existsSync('/lab/away');
    response.writeHead(isAway ? 500 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ host: hostname(), bytes, sha256: hash.digest('hex') }));
  });
});

server.on('upgrade', (_request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
  socket.on('data', (chunk) => socket.write(chunk));
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
});

// Longer than nginx keeps an idle connection to it.
server.keepAliveTimeout = 65_000;
server.listen(3000);
