// Exit codes: one table, the same in the help, in the documents and for every error that the sources can throw.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { OnsteadError } from '../../../src/base/errors.ts';
import {
  exitCodeByRoom,
  exitCodeFor,
  exitCodeOf,
  exitCodeOfOperation,
  exitCodes,
} from '../../../src/cli/exit-codes.ts';
import { readSources, root } from '../house/sources.ts';
import { operation } from './cli-lab.ts';

t.test('the page says what the table says', async (t) => {
  const page = readFileSync(join(root, 'docs/exit-codes.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (\d) \| (.+) \|$/gm)].map(([, code, meaning]) => [code, meaning]);
  t.strictSame(Object.fromEntries(rows), exitCodes);
});

t.test('every error of the sources has an exit code of its own choosing', async (t) => {
  const sources = readSources((path) => path.startsWith('src/') && path.endsWith('.ts'));
  const thrown = /new OnsteadError\(\s*(?:\w+ \? )?'([a-z-]+)\.[a-z.-]+'/g;
  const rooms = new Set(
    [...sources].flatMap(([, text]) => [...text.matchAll(thrown)].map(([, room]) => room!)),
  );
  t.ok(rooms.size > 10, `${rooms.size} rooms throw`);
  t.strictSame(
    [...rooms].filter((room) => exitCodeByRoom[room] === undefined),
    [],
  );
  t.equal(exitCodeOf(new TypeError('a mistake')), 1);
  t.equal(exitCodeOf(new OnsteadError('nobody.knows', 'It.')), 1);
});

t.test('a full disk is the machine, also while a bundle is built or unpacked', async (t) => {
  t.equal(exitCodeFor('bundle.no-space'), 4);
  t.equal(exitCodeFor('machine.disk-full'), 4);
  t.equal(exitCodeFor('bundle.truncated'), 3);
});

t.test('a wrong word is a wrong word, whatever it should have named', async (t) => {
  t.equal(exitCodeFor('operation.unknown'), exitCodeFor('service.unknown'));
  t.equal(exitCodeFor('service.unknown'), 2);
  t.equal(exitCodeFor('service.no-container'), 5, 'the word was right');
});

t.test('an operation that refuses ends as the same refusal does alone', async (t) => {
  const ended = (state: 'rolled-back' | 'stuck', code: string): number =>
    exitCodeOfOperation(operation(state, { error: { code, message: 'No.' } }));
  t.strictSame(
    ['preflight.failed', 'machine.disk-full', 'sizing.too-small', 'bundle.damaged', 'release.downgrade'].map(
      (code) => ended('rolled-back', code),
    ),
    [4, 4, 4, 3, 3],
  );
  for (const code of ['engine.not-healthy', 'operation.smoke-failed', 'compose.failed', 'nobody.knows'])
    t.equal(ended('rolled-back', code), 5, code);
  t.equal(ended('stuck', 'preflight.failed'), 5, 'a person has to look');
  t.equal(exitCodeOfOperation(operation('rolled-back')), 5);
  t.equal(exitCodeOfOperation(operation('done')), 0);
  t.equal(exitCodeOfOperation(operation('running')), 0, 'it goes on without its watcher');
});
