// People who use an appliance while something is done to it: begun, and at the end asked what they met.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { TestAppliance } from './appliance.ts';
import type { KeptFile, UserSample, UsersAnswer, UsersQuestion } from './busy-users.ts';

export type { UserSample } from './busy-users.ts';

export interface Seen {
  readonly answered: number;
  /** One line for each request that was not answered well: what, when, why. */
  readonly failures: readonly string[];
  /** The numbers of the notes whose making was answered. */
  readonly made: readonly number[];
  /** Those whose keeping was answered. */
  readonly files: readonly KeptFile[];
  readonly longestMs: number;
  readonly samples: readonly UserSample[];
}

const program = new URL('busy-users.ts', import.meta.url).pathname;

export async function startUsers(
  { httpsPort: port }: Pick<TestAppliance, 'httpsPort'>,
  options: Partial<Omit<UsersQuestion, 'port'>> = {},
): Promise<{ stop(): Promise<Seen> }> {
  const question: UsersQuestion = { users: 4, pauseMs: 50, ...options, port };
  const child = spawn(process.execPath, [program, JSON.stringify(question)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said = text(child.stdout);
  const ended = once(child, 'close');
  return {
    async stop() {
      child.stdin.end();
      await ended;
      return seenIn(JSON.parse(await said) as UsersAnswer);
    },
  };
}

function seenIn({ samples, made, files }: UsersAnswer): Seen {
  const startedMs = Math.min(...samples.map(({ atMs }) => atMs));
  const failures = samples.flatMap(({ failure, method, connection, atMs }) =>
    failure === undefined
      ? []
      : [`${method} at ${((atMs - startedMs) / 1000).toFixed(1)} s, ${connection}: ${failure}`],
  );
  const longestMs = Math.max(0, ...samples.map(({ tookMs }) => tookMs));
  return { answered: samples.length - failures.length, failures, made, files, longestMs, samples };
}
