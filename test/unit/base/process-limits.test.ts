// Children that talk a lot, run too long, or are not wanted any more.

import t from 'tap';
import { run } from '../../../src/base/process.ts';

t.test('of much output the end is kept, and every line is seen', async (t) => {
  let lines = 0;
  const { stdout } = await run('sh', ['-c', 'seq 1 200000'], {
    keepBytes: 1000,
    onLine: () => void (lines += 1),
  });
  t.equal(stdout.length, 1000);
  t.ok(stdout.endsWith('199999\n200000\n'));
  t.equal(lines, 200_000);
});

t.test('lines are told by their stream, also the last one without an end', async (t) => {
  const seen: string[] = [];
  await run('sh', ['-c', 'printf "a\\nb"; printf c >&2'], {
    onLine: (line, stream) => seen.push(`${stream} ${line}`),
  });
  t.strictSame(seen.sort(), ['stderr c', 'stdout a', 'stdout b']);
});

t.test('an abort ends the child, also one that came before', async (t) => {
  const startedMs = performance.now();
  await t.rejects(run('sleep', ['30'], { signal: AbortSignal.timeout(100) }), {
    code: 'process.failed',
    message: /aborted/,
  });
  await t.rejects(run('sleep', ['30'], { signal: AbortSignal.abort() }), {
    code: 'process.failed',
    message: /aborted/,
  });
  t.ok(performance.now() - startedMs < 5000);
});

t.test('a child that does not listen is ended the hard way', async (t) => {
  const startedMs = performance.now();
  const deaf = process.execPath;
  await t.rejects(
    run(deaf, ['-e', 'process.on("SIGTERM", () => {}); setTimeout(() => {}, 60_000)'], { timeoutMs: 500 }),
    { message: /timeout/ },
  );
  t.ok(performance.now() - startedMs < 12_000);
});

t.test('what goes in by stdin arrives, and a child that does not read it is no failure', async (t) => {
  t.equal((await run('cat', [], { stdin: 'x'.repeat(300_000) })).stdout.length, 300_000);
  t.equal((await run('true', [], { stdin: 'x'.repeat(300_000) })).code, 0);
});

t.test('a child that was killed is told so', async (t) => {
  await t.rejects(run('sh', ['-c', 'kill -9 $$']), {
    code: 'process.failed',
    message: /was ended by SIGKILL/,
  });
});
