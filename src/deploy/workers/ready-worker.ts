// Asks a replica whether it is ready, again and again, from inside its own network.

import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../base/errors.ts';
import { http } from '../../base/http.ts';
import { answerOnce } from '../../base/worker.ts';
import type { ReadyAnswer, ReadyQuestion } from '../ready-question.ts';

const BETWEEN_MS = 100;
const ANSWER_WITHIN_MS = 5_000;

await answerOnce(awaitReady);

async function awaitReady({ url, giveUpAfterMs }: ReadyQuestion): Promise<ReadyAnswer> {
  const endMs = performance.now() + giveUpAfterMs;
  for (;;) {
    const last = await ask(url).catch(messageOf);
    if (last === 200) return { isReady: true, last: 'answered 200' };
    if (performance.now() > endMs) {
      return { isReady: false, last: typeof last === 'number' ? `answered ${last}` : last };
    }
    await sleep(BETWEEN_MS);
  }
}

function ask(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = http.get(url, { timeout: ANSWER_WITHIN_MS, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`)),
    );
    outgoing.on('error', reject);
  });
}
