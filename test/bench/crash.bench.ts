// Every step of every operation, killed before, during and after: the complete crash ring, and how many cases that were.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Bench } from './bench.ts';

const COUNTS = /^(\d+) passed, (\d+) failed/;

export const bench: Bench = {
  name: 'crash',
  proves:
    'The daemon is killed before, during and after each step of an installation, an upgrade and a rollback: all end as exactly the old or exactly the new, with no row and no object lost.',
  needs: ['engine'],
  runs: 1,
  run: async ({ root, scratch, progress, emit }) => {
    const log = join(scratch, 'kills');
    const child = spawn(process.execPath, [join(root, 'test/run.ts'), 'crash', 'deep', 'crash.test'], {
      cwd: root,
      env: { ...process.env, ONSTEAD_CRASH: 'complete', ONSTEAD_CRASH_LOG: log },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let last = '';
    for await (const line of createInterface({ input: child.stdout })) {
      if (line !== '') last = line;
      progress(line);
    }
    if (child.exitCode === null) await once(child, 'exit');
    const [, passed = '0', failed = '1'] = COUNTS.exec(last) ?? [];
    const kills = (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
    const places = new Set(kills.map((line) => line.replace(/^\d+\//, '').replace(/\+\d+ms$/, '')));
    emit({
      metric: 'cases that ended as neither the old nor the new, or lost something',
      value: Number(failed),
      unit: 'tests',
      goal: { of: 'value', is: '=', than: 0 },
      runs: 1,
      note: `of ${Number(passed) + Number(failed)} tests`,
    });
    emit({
      metric: 'kills',
      value: kills.length,
      unit: 'cases',
      runs: 1,
      note: `${places.size} different places: a kind of step, and before, during or after it`,
    });
  },
};
