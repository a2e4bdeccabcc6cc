// Commands of a test, and what every refusal must look like to a person.

import type { Test } from 'tap';
import { runCommand, type CliResult } from './appliance.ts';

/** What it printed; a command that fails fails the test. */
export async function must(command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, args);
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

/** One sentence of what failed, and one of what to do; no stack, no name of a source file. */
export function isClear(t: Test, { stdout, stderr }: CliResult): void {
  const all = stdout + stderr;
  t.match(
    all,
    /(^error: .+\.\n(  - .+\n)*next: .+$|\.\n(  - .+\n)*Next: .+$)/m,
    'a sentence, and the next action',
  );
  t.notMatch(all, /\n\s+at |\.ts:\d|undefined|\[object|internal/i, 'nothing of the inside');
}
