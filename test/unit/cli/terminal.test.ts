// Words, tables and the one live line.

import t from 'tap';
import { drawBar, Terminal } from '../../../src/cli/terminal.ts';
import { Captured } from './cli-lab.ts';

function terminalOn(
  isTty: boolean,
  isJson = false,
  columns = 40,
): { terminal: Terminal; out: Captured; err: Captured } {
  const [out, err] = [new Captured(isTty, columns), new Captured(isTty)];
  return { terminal: new Terminal({ out, err, env: {} }, isJson), out, err };
}

t.test('columns line up by what is seen, not by escape codes', async (t) => {
  const { terminal, out } = terminalOn(true, false, 80);
  terminal.table([
    [terminal.paint('good', 'ab'), 'x', 'end'],
    ['abcd', 'yy', 'fin'],
  ]);
  // eslint-disable-next-line no-control-regex -- colours are taken out to see the columns
  t.equal(out.text.replace(/\u001B\[\d+m/g, ''), 'ab    x   end\nabcd  yy  fin\n');
  terminal.table([]);
});

t.test('the live line is cut to the width and cleared before the next words', async (t) => {
  const { terminal, out } = terminalOn(true);
  terminal.redraw('x'.repeat(100));
  t.equal(out.text, `\r\u001B[2K${'x'.repeat(39)}`);
  terminal.say('done');
  t.ok(out.text.endsWith('\r\u001B[2Kdone\n'));
  terminal.redraw('again');
  terminal.complain('no');
  t.ok(out.text.endsWith('again\r\u001B[2K'));
});

t.test('without a terminal nothing is drawn', async (t) => {
  const { terminal, out } = terminalOn(false);
  terminal.redraw('hidden');
  terminal.say('seen');
  t.equal(out.text, 'seen\n');
});

t.test('with --json only the answer is printed', async (t) => {
  const { terminal, out } = terminalOn(true, true);
  terminal.say('words');
  terminal.redraw('line');
  terminal.table([['a']]);
  terminal.answer({ a: 1 });
  terminal.answerLine({ b: 2 });
  t.equal(out.text, '{\n  "a": 1\n}\n{"b":2}\n');
});

t.test('a bar says how much, how fast and how long', async (t) => {
  const MB = 1024 * 1024;
  t.equal(
    drawBar('Load', { done: 25 * MB, total: 100 * MB }, 5000),
    'Load  ██████░░░░░░░░░░░░░░░░░░  25 MB of 100 MB at 5 MB/s, 15 s left',
  );
  t.equal(drawBar('Load', { done: 0, total: 100 * MB }, 5000), `Load  ${'░'.repeat(24)}  0 B of 100 MB`);
  t.equal(
    drawBar('Load', { done: MB, total: 100 * MB }, 10),
    `Load  ${'░'.repeat(24)}  1 MB of 100 MB`,
    'no rate from an instant',
  );
  t.match(
    drawBar('Load', { done: 100 * MB, total: 100 * MB }, 5000),
    /█{24} {2}100 MB of 100 MB at 20 MB\/s, 0 ms left$/,
  );
  t.match(drawBar('Load', { done: 0, total: 0 }, 5000), /█{24}/);
  t.match(
    drawBar('Load', { done: 120 * MB, total: 100 * MB }, 5000),
    /█{24}.*, 0 ms left$/,
    'more than was said to come',
  );
});

t.test('the last column of a table is broken between words, under itself', async (t) => {
  const { terminal, out } = terminalOn(true, false, 30);
  terminal.table([
    ['a', terminal.paint('dim', 'one two three four five six')],
    ['bb', 'short'],
  ]);
  // eslint-disable-next-line no-control-regex -- colours are taken out to see the columns
  t.equal(out.text.replace(/\u001B\[\d+m/g, ''), 'a   one two three four five\n    six\nbb  short\n');
  const piped = terminalOn(false, false, 30);
  piped.terminal.table([['a', 'one two three four five six seven']]);
  t.equal(piped.out.text, 'a  one two three four five six seven\n', 'a program reads it as one line');
});
