// The small server inside the edge's network that nginx asks whether a request may go on: a child of ours, without a
// secret, that ends with us.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { OnsteadError } from '../../base/errors.ts';

export interface HoldCount {
  /** Requests that wait now. */
  readonly held: number;
  /** Of all that had to wait, also of those that go on already. */
  readonly waited: number;
  readonly longestMs: number;
}

export interface HoldServer {
  /** From now on requests wait, but never longer than this; then all of them go on by themselves. */
  hold(limitMs: number): Promise<void>;
  open(): Promise<HoldCount>;
  count(): Promise<HoldCount>;
  /** Fine where it has ended already. */
  end(): Promise<void>;
}

const ANSWERS_WITHIN_MS = 10_000;
/** `.ts` in a checkout, `.js` in an installed daemon. */
const program = './workers/hold-worker';

/** In the network of this process. Resolves when it listens, and lets everything go on. */
export async function startHoldServer(networkOfPid: number): Promise<HoldServer> {
  const path = fileURLToPath(new URL(`${program}${extname(import.meta.filename)}`, import.meta.url));
  const words = ['-t', String(networkOfPid), '-n', '--', process.execPath, path];
  const child = spawn('nsenter', words, {
    env: { PATH: process.env['PATH'] },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(-2_000)));
  child.stdin.on('error', () => {}); // it ended; whoever asks it next is told
  child.on('error', (error) => (said = error.message));
  const ended = once(child, 'close').catch(() => []);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<HoldCount> => {
    const late = AbortSignal.timeout(ANSWERS_WITHIN_MS);
    const tooLate = once(late, 'abort').then(() => ({ done: true as const, value: undefined }));
    const { done, value } = await Promise.race([answers.next(), tooLate]);
    if (done === true) throw silent(said);
    return JSON.parse(value) as HoldCount; // written by the worker
  };
  const order = (line: string): Promise<HoldCount> => {
    child.stdin.write(`${line}\n`);
    return answer();
  };
  const end = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };
  await answer().catch(async (error: unknown) => {
    await end();
    throw error;
  });
  return {
    hold: async (limitMs) => void (await order(`hold ${limitMs}`)),
    open: () => order('open'),
    count: () => order('count'),
    end,
  };
}

function silent(said: string): OnsteadError {
  return new OnsteadError('edge.no-hold', `Requests cannot be held: ${said.trim() || 'no answer'}`, {
    next: 'Try again; requests go on as before.',
  });
}
