// Clients of the edge that stay long: a download that is read only as far as it is asked to, and a connection that both
// sides go on talking over, as a websocket's.

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:tls';

const where = (port: number) => ({
  ...{ host: '127.0.0.1', servername: 'localhost', port, rejectUnauthorized: false },
});

/** More than all buffers on the way hold, so that the edge has not sent it all before it is read. */
const BYTES = 64 * 1024 ** 2;

export async function beginDownload(port: number): Promise<{
  /** Reads the rest of it; true where not a byte is missing. */
  isWhole(): Promise<boolean>;
}> {
  const outgoing = request({ ...where(port), path: `/api/slow?seconds=1&bytes=${BYTES}` }).end();
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  const ended = new Promise<boolean>((resolve) => {
    answer.once('end', () => resolve(answer.complete)).once('close', () => resolve(answer.complete));
    answer.once('error', () => resolve(false));
  });
  let bytes = 0;
  return {
    async isWhole() {
      answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
      return (await ended) && bytes === BYTES;
    },
  };
}

/** With an app that says back whatever comes over a connection that was upgraded. */
export async function openTunnel(port: number): Promise<{
  say(words: string): Promise<string>;
  end(): void;
}> {
  const socket = connect(where(port));
  socket.setEncoding('utf8');
  await once(socket, 'secureConnect');
  socket.write(
    'GET /tunnel HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  const [head] = (await once(socket, 'data')) as [string];
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(head);
  return {
    async say(words) {
      const answer = Promise.race([
        once(socket, 'data').then(([said]) => String(said)),
        once(socket, 'close').then(() => 'closed'),
      ]);
      socket.write(words);
      return answer;
    },
    end: () => void socket.destroy(),
  };
}
