// Counting named tests from a TAP stream.

import t from 'tap';
import { TapTally } from '../../runner/tap-tally.ts';

function tallyOf(text: string, files = ['a.test.ts']): TapTally {
  const tally = new TapTally(files);
  for (const line of text.split('\n')) tally.line(line);
  return tally;
}

t.test('counts each named test once, and a group by what it holds', async (t) => {
  const tally = tallyOf(`TAP version 14
1..1
# Subtest: a.test.ts
    # Subtest: group
        # Subtest: one
            ok 1 - bare
            1..1
        ok 1 - one # time=2ms
        # Subtest: two
            not ok 1 - bare
            1..1
        not ok 2 - two # time=3ms
        1..2
    not ok 1 - group # time=5ms
    ok 2 - later # SKIP not today
    ok 3 - a bare assertion
    1..3
not ok 1 - a.test.ts # time=26.676ms`);
  t.match(tally, { passed: 1, failed: 1, skipped: 1 });
  t.match(tally.failures, [{ file: 'a.test.ts', path: ['group', 'two'] }]);
  t.match(tally.failures[0]!.output, 'not ok 1 - bare');
  t.match(tally.files, [{ file: 'a.test.ts', failed: true, milliseconds: 26.676 }]);
});

t.test('a group that fails by an assertion of its own is one failed test', async (t) => {
  const tally = tallyOf(`# Subtest: a.test.ts
    # Subtest: group
        # Subtest: one
            ok 1 - bare
        ok 1 - one
        not ok 2 - bare in the group
    not ok 1 - group
not ok 1 - a.test.ts # time=1ms`);
  t.match(tally, { passed: 1, failed: 1 });
  t.match(tally.failures, [{ path: ['group'] }]);
});

t.test('a file of bare assertions counts as one test', async (t) => {
  t.match(tallyOf('# Subtest: a.test.ts\n    ok 1 - x\n    1..1\nok 1 - a.test.ts'), {
    passed: 1,
    failed: 0,
  });
  t.match(tallyOf('# Subtest: a.test.ts\n    not ok 1 - x\n    1..1\nnot ok 1 - a.test.ts'), {
    passed: 0,
    failed: 1,
  });
});

t.test('a file that crashes without a failed test counts as one failed test', async (t) => {
  const tally = tallyOf('# Subtest: a.test.ts\n    # Subtest: half\n        ok 1 - x\nnot ok 1 - a.test.ts');
  t.match(tally, { passed: 0, failed: 1 });
  t.match(tally.failures[0]!.output, '# Subtest: half');
});

t.test('a file without a test in it is a failure', async (t) => {
  const text = '# Subtest: a.test.ts\n    1..0 # no tests found\nok 1 - a.test.ts # SKIP no tests found';
  t.match(tallyOf(text), { passed: 0, failed: 1, skipped: 0 });
});

t.test('a file skipped with a reason counts as skipped', async (t) => {
  const text = '# Subtest: a.test.ts\n    1..0 # later\nok 1 - a.test.ts # SKIP later';
  t.match(tallyOf(text), { passed: 0, failed: 0, skipped: 1 });
});

t.test('TAP that is quoted in a diagnostic does not count', async (t) => {
  const tally = tallyOf(`# Subtest: a.test.ts
    # Subtest: quotes
        not ok 1 - bare
          ---
          source: |
    ok 1 - quotes
    # Subtest: no such test
          ...
        1..1
    not ok 1 - quotes
not ok 1 - a.test.ts`);
  t.match(tally, { passed: 0, failed: 1 });
});

t.test('a name with a hash or a backslash reads as it was written', async (t) => {
  const tally = tallyOf(
    '# Subtest: a.test.ts\n    # Subtest: issue \\#3 \\\\ x\n    not ok 1 - issue \\#3 \\\\ x # time=1ms\nnot ok 1 - a.test.ts',
  );
  t.match(tally.failures, [{ path: ['issue #3 \\ x'], milliseconds: 1 }]);
});

t.test('a file ended at its time limit counts once', async (t) => {
  const tally = tallyOf(`# Subtest: a.test.ts
    # Subtest: never ends
        not ok 1 - timeout!
    not ok 1 - never ends
not ok 1 - timeout!`);
  t.match(tally, { passed: 0, failed: 1 });
  t.match(tally.files, [{ file: 'a.test.ts', failed: true }]);
});

t.test('names the files of which nothing was heard', async (t) => {
  const tally = tallyOf('ok 1 - a.test.ts\nnot ok 2 - timeout!', ['a.test.ts', 'b.test.ts']);
  t.strictSame(tally.unreported(), ['b.test.ts']);
  t.equal(tally.files.length, 1);
});
