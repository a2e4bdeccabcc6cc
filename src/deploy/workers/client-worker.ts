// A client of the stack for a while, at a gentle pace, from inside the edge's own network: through the edge over TLS
// that the appliance's own authority vouches for, and at single replicas.

import { request as requestHttps, type RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../base/errors.ts';
import { http } from '../../base/http.ts';
import { answerOnce } from '../../base/worker.ts';
import type { ClientQuestion, ClientSample, ClientTarget } from '../client-question.ts';

const ANSWER_WITHIN_MS = 10_000;
const BODY_LIMIT = 256 * 1024;

await answerOnce(askForAWhile);

/** A slow answer does not delay the next question, or few questions would be asked of who is slow. */
async function askForAWhile(question: ClientQuestion): Promise<ClientSample[]> {
  const { targets, everyMs, forMs, authority } = question;
  const endMs = performance.now() + forMs;
  const samples: Promise<ClientSample>[] = [];
  for (let turn = 0; performance.now() < endMs; turn += 1) {
    samples.push(sampleOf(targets[turn % targets.length]!, authority));
    await sleep(everyMs);
  }
  return Promise.all(samples);
}

async function sampleOf(target: ClientTarget, authority: string): Promise<ClientSample> {
  const begunMs = performance.now();
  const complaint = await ask(target, authority).catch(messageOf);
  const ms = performance.now() - begunMs;
  return { key: target.key, ms, ...(complaint === undefined ? {} : { complaint }) };
}

function ask({ url, status, contains }: ClientTarget, ca: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions = { agent: false, timeout: ANSWER_WITHIN_MS };
    // Straight at a replica the words that nginx would add are missing, and an app may send whoever lacks them elsewhere.
    const forwarded = { host: 'localhost', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'https' };
    const outgoing = url.startsWith('https:')
      ? requestHttps(url, { ...options, ca, servername: 'localhost' })
      : http.request(url, { ...options, headers: forwarded });
    outgoing.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (body.length < BODY_LIMIT) body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode !== status) resolve(`status ${response.statusCode} in place of ${status}`);
        else if (contains !== undefined && !body.includes(contains)) resolve(`no "${contains}" in it`);
        else resolve(undefined);
      });
    });
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`)),
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}
