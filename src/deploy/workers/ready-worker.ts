// Asks a replica whether it is ready, again and again, from inside its own network.

import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../base/errors.ts';
import { http } from '../../base/http.ts';
import { answerOnce } from '../../base/worker.ts';
import type { ReadyAnswer, ReadyQuestion } from '../ready-question.ts';

const BETWEEN_MS = 100;
const ANSWER_WITHIN_MS = 5_000;
const KEPT = 2_000;
const SHOWN = 200;

await answerOnce(awaitReady);

async function awaitReady({ url, giveUpAfterMs }: ReadyQuestion): Promise<ReadyAnswer> {
  const endMs = performance.now() + giveUpAfterMs;
  for (;;) {
    const last = await ask(url).catch(messageOf);
    if (typeof last !== 'string' && last.status === 200) return { isReady: true, last: 'answered 200' };
    if (performance.now() > endMs) return { isReady: false, last: inWords(last) };
    await sleep(BETWEEN_MS);
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** An app that is not ready often says why. */
function inWords(last: Answer | string): string {
  if (typeof last === 'string') return last;
  const said = last.body.replace(/\s+/g, ' ').trim().slice(0, SHOWN);
  return `answered ${last.status}${said === '' ? '' : `: ${said}`}`;
}

function ask(url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = http.get(url, { timeout: ANSWER_WITHIN_MS, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body = (body + chunk).slice(0, KEPT)));
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`)),
    );
    outgoing.on('error', reject);
  });
}
