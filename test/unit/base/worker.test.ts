// A worker answers one question; its errors come back as they were, and the question shows in no process list.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { askWorker } from '../../../src/base/worker.ts';

const at = (path: string): string =>
  JSON.stringify(new URL(`../../../src/base/${path}`, import.meta.url).href);
const folder = await mkdtemp(join(tmpdir(), 'onstead-worker-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const base = pathToFileURL(join(folder, 'x.ts')).href;

async function worker(name: string, body: string, where = folder): Promise<void> {
  await writeFile(
    join(where, `${name}.ts`),
    `import { answerOnce } from ${at('worker.ts')};\nimport { OnsteadError } from ${at('errors.ts')};\nawait answerOnce(async (question: any) => { ${body} });\n`,
  );
}

t.test('a question is answered', async (t) => {
  process.env['HUNTER'] = 'hunter2';
  t.teardown(() => delete process.env['HUNTER']);
  await worker(
    'echo',
    'return { said: question.text, args: process.argv.slice(2), env: Object.keys(process.env) };',
  );
  const { said, args, env } = await askWorker<object, { said: string; args: string[]; env: string[] }>(
    base,
    './echo',
    { text: 'hunter2 ä\u2028' },
  );
  t.equal(said, 'hunter2 ä\u2028');
  t.strictSame(args, [], 'nothing on the command line');
  t.notOk(env.includes('HUNTER'), 'nothing of ours in the environment');
});

t.test('an error comes back with its code, its next action and its details', async (t) => {
  await worker(
    'refuse',
    `throw new OnsteadError('store.refused', 'No.', { next: 'Do this.', details: [{ message: 'here' }] });`,
  );
  await t.rejects(askWorker(base, './refuse', {}), {
    name: 'OnsteadError',
    code: 'store.refused',
    message: 'No.',
    next: 'Do this.',
    details: [{ message: 'here' }],
  });
});

t.test('an error that nobody expected comes back too', async (t) => {
  await worker('break', 'return question.no.such;');
  await t.rejects(askWorker(base, './break', {}), {
    code: 'internal.unexpected',
    message: /Cannot read properties/,
  });
});

t.test('a worker that dies, hangs or is not there is an error', async (t) => {
  await worker('die', 'process.exit(7);');
  await t.rejects(askWorker(base, './die', {}), { code: 'process.failed', message: /ended with code 7/ });
  await worker('hang', 'await new Promise((resolve) => setTimeout(resolve, 60_000));');
  await t.rejects(askWorker(base, './hang', {}, { timeoutMs: 300 }), {
    code: 'process.failed',
    message: /timeout/,
  });
  await t.rejects(askWorker(base, './hang', {}, { signal: AbortSignal.timeout(300) }), {
    code: 'process.failed',
    message: /aborted/,
  });
  await t.rejects(askWorker(base, './absent', {}), { code: 'process.failed' });
});

t.test('a large question and a large answer pass', async (t) => {
  await worker('large', 'return question.text + question.text;');
  const text = 'x'.repeat(1_500_000);
  t.equal((await askWorker<object, string>(base, './large', { text })).length, 3_000_000);
});

t.test('a program folder with a space or a sign in its name works', async (t) => {
  const odd = join(folder, 'my apps #1 100%');
  await mkdir(odd);
  await worker('echo', 'return question;', odd);
  t.equal(await askWorker(pathToFileURL(join(odd, 'x.ts')).href, './echo', 'hello'), 'hello');
});
