// Every file under src is part of the program: what src/main.ts does not come to is dead.

import { posix } from 'node:path';
import t from 'tap';
import { importsOf, readSources, type Sources } from './sources.ts';

const START = 'src/main.ts';
/** A worker is named without its ending, which differs between the sources and the build. */
const WORKER = /['"](\.{1,2}\/(?:[\w.-]+\/)*[\w.-]+-worker)['"]/g;

function unreachable(sources: Sources): string[] {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    const text = sources.get(path);
    if (text === undefined || reached.has(path)) return;
    reached.add(path);
    for (const { to, isOurs } of importsOf(path, text)) if (isOurs) visit(to);
    for (const [, name] of text.matchAll(WORKER)) visit(posix.join(posix.dirname(path), `${name}.ts`));
  };
  visit(START);
  return [...sources.keys()]
    .filter((path) => !reached.has(path))
    .map((path) => `${path} is reached from no file that ${START} comes to.`);
}

t.test('every source file is reached from the program', async (t) => {
  const sources = readSources((path) => path.startsWith('src/') && path.endsWith('.ts'));
  t.strictSame(unreachable(sources), []);
});

t.test('a file that nobody reaches is named, and so is one that only such a file reaches', async (t) => {
  const sources = new Map([
    [START, "import { a } from './base/a.ts';\nconst x = await import('./daemon.ts');"],
    ['src/daemon.ts', "askWorker(import.meta.url, './base/workers/b-worker', 1);"],
    ['src/base/a.ts', '// no more than this'],
    ['src/base/workers/b-worker.ts', "export * from '../c.ts';"],
    ['src/base/c.ts', ''],
    ['src/base/lost.ts', "import { x } from './lost-too.ts';"],
    ['src/base/lost-too.ts', ''],
  ]);
  t.match(unreachable(sources), [/^src\/base\/lost\.ts /, /^src\/base\/lost-too\.ts /]);
  t.equal(unreachable(sources).length, 2);
});
