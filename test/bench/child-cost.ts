// What a process costs, read from /proc while it runs. The kernel keeps the peak of resident memory itself,
// so what is missed is at most what was added between the last look and the end.

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface ChildRun {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly everyMs?: number;
}

export interface ProcessCost {
  readonly peakRssBytes: number;
  readonly cpuSeconds: number;
}

export interface ChildCost extends ProcessCost {
  readonly seconds: number;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Linux reports CPU times in hundredths of a second whatever the kernel's own clock. */
const TICKS_A_SECOND = 100;

export async function runChild(
  command: string,
  args: readonly string[],
  options: ChildRun = {},
): Promise<ChildCost> {
  const started = performance.now();
  const child = spawn(command, [...args], {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output.stderr += chunk));
  let seen: ProcessCost = { peakRssBytes: 0, cpuSeconds: 0 };
  const look = async (): Promise<void> => {
    seen = (child.pid === undefined ? undefined : await costOf(child.pid)) ?? seen;
  };
  const timer = setInterval(() => void look(), options.everyMs ?? 10);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { ...seen, ...output, code, seconds: (performance.now() - started) / 1000 };
  } finally {
    clearInterval(timer);
  }
}

/** Undefined when the process has ended. */
export async function costOf(pid: number): Promise<ProcessCost | undefined> {
  try {
    const [status, stat] = await Promise.all(
      ['status', 'stat'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')),
    );
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status!)?.[1];
    // A zombie has given its memory back and says nothing of it.
    return peak === undefined
      ? undefined
      : { peakRssBytes: Number(peak) * 1024, cpuSeconds: cpuSecondsOf(stat!) };
  } catch {
    return undefined;
  }
}

/** The command's name may hold spaces and brackets; the numbers begin after the last one. */
export function cpuSecondsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}
