// One request to the edge, over TLS that the appliance's own authority vouches for.

import { request } from 'node:https';
import { answerOnce } from '../../base/worker.ts';
import type { EdgeAnswer, EdgeQuestion } from '../edge-question.ts';

const BODY_LIMIT = 1024 * 1024;

await answerOnce(askEdge);

function askEdge({ host, port, path, authority, timeoutMs }: EdgeQuestion): Promise<EdgeAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host, port, path, ca: authority, servername: 'localhost', agent: false, timeout: timeoutMs },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          if (body.length < BODY_LIMIT) body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.on('error', reject);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}
