// One HTTPS request, told on stdin and answered on stdout: a client of the edge in a process of its own, so that it
// can run inside another network.

import { request } from 'node:https';
import { text } from 'node:stream/consumers';

interface Question {
  readonly port: number;
  readonly path: string;
  readonly ca: string;
  readonly body?: object;
}

const { port, path, ca, body } = JSON.parse(await text(process.stdin)) as Question;
const outgoing = request(
  {
    ...{ host: '127.0.0.1', servername: 'localhost', port, path, ca, agent: false, timeout: 15_000 },
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json' },
  },
  async (answer) => {
    process.stdout.write(JSON.stringify({ status: answer.statusCode, body: await text(answer) }));
  },
);
outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
outgoing.on('error', (error) => {
  process.stderr.write(error.message);
  process.exitCode = 1;
});
outgoing.end(body === undefined ? undefined : JSON.stringify(body));
