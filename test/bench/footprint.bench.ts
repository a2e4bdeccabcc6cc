// The daemon may idle for years beside the stack that it looks after: what it holds and burns meanwhile, measured of the
// program as it ships, after a real install on the real engine.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestAppliance } from '../e2e/appliance.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import type { Bench, BenchContext } from './bench.ts';
import { buildProgram } from './built-program.ts';
import { lookAtProcess, type ProcessLook } from './process-memory.ts';
import { median, short, spreadText, summaryOf } from './statistics.ts';

const IDLE_SECONDS = Number(process.env['ONSTEAD_BENCH_IDLE_SECONDS'] ?? 300);
const LOOKS = 20;
const MB = 1e6;

export const bench: Bench = {
  name: 'footprint',
  proves:
    'The daemon, idle for five minutes after an install, holds under 80 MB, takes under 0.5 % of a core, and is ready 400 ms after its start.',
  needs: ['engine'],
  runs: 9,
  run: async (context) => {
    const { root, scratch, progress } = context;
    const folder = join(scratch, 'program');
    await mkdir(folder);
    const bundle = await demoBundle();
    const appliance = await TestAppliance.make({
      publicKey: bundle.publicKey,
      program: await buildProgram(root, folder),
    });
    try {
      await appliance.start();
      progress('installing');
      const { code, stderr, stdout } = await appliance.onstead(['install', bundle.path]);
      if (code !== 0) throw new Error(`The install ended with ${code}: ${stdout}${stderr}`);
      reportIdle(context, await idle(context, appliance));
      await reportReady(context, appliance);
    } finally {
      await appliance.remove();
    }
  },
};

async function idle({ progress }: BenchContext, { pid }: TestAppliance): Promise<ProcessLook[]> {
  const looks = [await lookAtProcess(pid)];
  for (let turn = 1; turn <= LOOKS; turn += 1) {
    await sleep((IDLE_SECONDS * 1000) / LOOKS);
    const look = await lookAtProcess(pid);
    looks.push(look);
    progress(`idle for ${short((IDLE_SECONDS * turn) / LOOKS)} s: ${short(look.rssBytes / MB)} MB`);
  }
  return looks;
}

function reportIdle({ emit }: BenchContext, looks: readonly ProcessLook[]): void {
  const first = looks[0]!;
  const last = looks.at(-1)!;
  const rss = summaryOf(looks.map(({ rssBytes }) => rssBytes / MB));
  const under = (than: number) => ({ of: 'value', is: '<', than }) as const;
  emit({
    metric: 'resident memory',
    value: last.rssBytes / MB,
    unit: 'MB',
    goal: under(80),
    runs: 1,
    note: `VmRSS after ${IDLE_SECONDS} s idle; ${short(rss.min)} to ${short(rss.max)} MB meanwhile, ${short(first.rssBytes / MB)} MB at the end of the install`,
  });
  emit({
    metric: 'proportional memory',
    value: last.pssBytes / MB,
    unit: 'MB',
    runs: 1,
    note: 'Pss at the same moment: pages shared with other processes of this Node are divided among them',
  });
  emit({
    metric: 'private memory',
    value: last.privateBytes / MB,
    unit: 'MB',
    runs: 1,
    note: 'pages that no other process has mapped; those of Node itself count here when no other Node runs',
  });
  emit({
    metric: 'CPU',
    value: ((last.cpuSeconds - first.cpuSeconds) / IDLE_SECONDS) * 100,
    unit: '% of a core',
    goal: under(0.5),
    runs: 1,
    note: `over the ${IDLE_SECONDS} s after the install`,
  });
}

/** From the start of the launcher to the first answer; the stack stands meanwhile. */
async function reportReady({ measure, emit }: BenchContext, appliance: TestAppliance): Promise<void> {
  const sample = await measure('ready', async () => {
    await appliance.stop();
    const started = performance.now();
    await appliance.start();
    const seconds = (performance.now() - started) / 1000;
    await sleep(2_000);
    return seconds;
  });
  emit({
    metric: 'ready',
    value: median(sample.values) * 1000,
    unit: 'ms',
    goal: { of: 'value', is: '<', than: 400 },
    runs: sample.runs,
    note: `from the start of the process to the answer of /api/version, in s: ${spreadText(sample)}`,
  });
}
