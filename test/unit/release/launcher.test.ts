// The launcher starts the daemon small, and everything else as it is.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { launcherText } from '../../../src/release/index.ts';

const folder = join(t.testdir({}), 'it stands anywhere');
mkdirSync(join(folder, 'bin'), { recursive: true });
const launcher = join(folder, 'bin/onstead');
writeFileSync(launcher, launcherText, { mode: 0o755 });
writeFileSync(join(folder, 'bin/node'), '#!/bin/sh\nprintf "%s\\n" "$@"\necho "arenas=$MALLOC_ARENA_MAX"\n', {
  mode: 0o755,
});

function started(...args: string[]): string[] {
  return spawnSync(launcher, args, { encoding: 'utf8', env: { PATH: process.env['PATH'] } })
    .stdout.trim()
    .split('\n');
}

t.test('the daemon is interpreted, with one arena and a collector that can be called', async (t) => {
  const words = started('serve');
  for (const word of ['--lite-mode', '--max-semi-space-size=1', '--expose-gc', 'arenas=1'])
    t.ok(words.includes(word), word);
  t.equal(words.at(-2), 'serve');
});

t.test('every other verb runs at full speed, and its words arrive as they were', async (t) => {
  const words = started('install', 'a bundle.tar');
  t.notOk(words.includes('--lite-mode'));
  t.strictSame(words.slice(-3), ['install', 'a bundle.tar', 'arenas=']);
});
