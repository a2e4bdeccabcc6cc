// A daemon that was killed leaves children behind that go on changing things. They carry its mark in their
// environment; the next daemon ends them before it begins anything.

import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { OnsteadError } from './errors.ts';

const MARK = 'ONSTEAD_OWNER';
/** Which process began it: what that one began is no orphan as long as it lives. */
const PARENT = 'ONSTEAD_OWNER_PROCESS';
const GRACE_MS = 5_000;

/** Put this into the environment of every child that has an effect. */
export function ownerMark(owner: string): Record<string, string> {
  return { [MARK]: owner, [PARENT]: processName(process.pid) ?? '' };
}

/** Ends every process with this mark whose parent is gone; resolves with the ids when they are gone. */
export async function endOrphans(owner: string): Promise<number[]> {
  const orphans = await findMarked(owner);
  for (const pid of orphans) signal(pid, 'SIGTERM');
  const deadlineMs = performance.now() + GRACE_MS;
  // A zombie has no environment any more, so this ends even where nobody reaps it.
  for (let left = orphans; left.length > 0; left = await findMarked(owner)) {
    const lateMs = performance.now() - deadlineMs;
    if (lateMs > GRACE_MS) throw undying(left);
    if (lateMs > 0) for (const pid of left) signal(pid, 'SIGKILL');
    await sleep(20);
  }
  return orphans;
}

/** One that waits for a dead disk or network share cannot be ended; what it will do when that comes back is unknown. */
function undying(pids: readonly number[]): OnsteadError {
  return new OnsteadError(
    'process.undying',
    `Process ${pids.join(', ')} of an earlier run cannot be ended.`,
    {
      next: 'See what it waits for (`ps -o pid,stat,wchan,args`); a restart of the machine ends it.',
    },
  );
}

async function findMarked(owner: string): Promise<number[]> {
  const wanted = `${MARK}=${owner}`;
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    const words = environment.split('\0');
    if (words.includes(wanted) && !isAlive(words.find((word) => word.startsWith(`${PARENT}=`))))
      found.push(pid);
  }
  return found;
}

function isAlive(word: string | undefined): boolean {
  const name = word?.slice(PARENT.length + 1) ?? '';
  return name !== '' && processName(Number(name.split('@')[0])) === name;
}

/** No other process ever has it: numbers are used again, but not at the same moment. */
function processName(pid: number): string | undefined {
  try {
    // What stands before the last bracket is the program's name, which may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return `${pid}@${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // gone already
  }
}
