// People who use an appliance while something is done to it: begun, and at the end asked what they met.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { TestAppliance } from './appliance.ts';

export interface Seen {
  readonly answered: number;
  /** One line for each request that was not answered well: what, when, why. */
  readonly failures: readonly string[];
  /** The numbers of the notes whose making was answered. */
  readonly made: readonly number[];
  readonly longestMs: number;
}

const program = new URL('busy-users.ts', import.meta.url).pathname;

export async function startUsers(
  { httpsPort: port }: Pick<TestAppliance, 'httpsPort'>,
  { users = 4, pauseMs = 30 } = {},
): Promise<{ stop(): Promise<Seen> }> {
  const child = spawn(process.execPath, [program, JSON.stringify({ port, users, pauseMs })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said = text(child.stdout);
  const ended = once(child, 'close');
  return {
    async stop() {
      child.stdin.end();
      await ended;
      const { failures, tookMs, made } = JSON.parse(await said) as {
        failures: string[];
        tookMs: number[];
        made: number[];
      };
      return { answered: tookMs.length, failures, made, longestMs: Math.max(0, ...tookMs) };
    },
  };
}
