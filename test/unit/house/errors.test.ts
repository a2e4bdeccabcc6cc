// Whoever reads an error is told what to do: each one that the program throws names the next action.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectFiles, root } from './sources.ts';

/** Nobody is to do anything about these: the daemon was asked to stop, an operation was given up. */
const WITHOUT = new Set(['daemon.stopping', 'operation.abandoned']);

/** The text of each call, with the place where it begins. */
function* callsIn(
  text: string,
): Generator<{ readonly code: string; readonly call: string; readonly at: number }> {
  for (const { index, 0: head } of text.matchAll(/new OnsteadError\(/g)) {
    let end = index + head.length;
    for (let depth = 1; depth > 0; end += 1) {
      if (text[end] === '(') depth += 1;
      if (text[end] === ')') depth -= 1;
    }
    const call = text.slice(index, end);
    yield {
      call,
      code: /'([a-z-]+\.[a-z-]+)'/.exec(call)?.[1] ?? '',
      at: text.slice(0, index).split('\n').length,
    };
  }
}

t.test('every error that is thrown names what to do next', async (t) => {
  let seen = 0;
  for (const path of projectFiles().filter((one) => one.startsWith('src/') && one.endsWith('.ts'))) {
    for (const { code, call, at } of callsIn(readFileSync(join(root, path), 'utf8'))) {
      seen += 1;
      t.ok(WITHOUT.has(code) || /\bnext\b/.test(call), `${path}:${at} ${code}`);
    }
  }
  t.ok(seen > 100, 'the calls were found');
});
