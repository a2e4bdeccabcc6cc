// Child processes: bounded in time, and errors that say no more than they should.

import t from 'tap';
import { run } from '../../../src/base/process.ts';

t.test('output and accepted exit codes come back', async (t) => {
  t.match(await run('sh', ['-c', 'echo out; echo err >&2; exit 3'], { accept: [3] }), {
    code: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  });
});

t.test('a failure says what was said last, and never the arguments behind the first', async (t) => {
  const failing = run('sh', ['-c', 'echo broken >&2; exit 4', 'secret-word']);
  await t.rejects(failing, { code: 'process.failed', message: /ended with code 4: broken/ });
  const said = await run('sh', ['-c', 'exit 1', 'secret-word']).catch((error: Error) => error.message);
  t.notMatch(said, /secret-word/);
});

t.test('a missing program is named', async (t) => {
  await t.rejects(run('no-such-program', []), { code: 'process.missing', message: /no-such-program/ });
});

t.test('a child over its time is ended', async (t) => {
  await t.rejects(run('sleep', ['30'], { timeoutMs: 100 }), { message: /timeout/ });
});
