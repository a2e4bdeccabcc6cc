// Which point a way back leads to: the same command given twice never leads forth again, whatever the clock said.

import t from 'tap';
import type { InstalledRelease } from '../../../src/deploy/facts.ts';
import type { Point } from '../../../src/deploy/points.ts';
import {
  chooseWay,
  pointAfter,
  pointsToKeep,
  refuseOtherSchema,
  standingOf,
} from '../../../src/deploy/ways-back.ts';
import { inputFor, releaseText } from '../stack/lab.ts';
import { parseRelease } from '../../../src/release/index.ts';

const { plan: sizing } = inputFor(parseRelease(releaseText, 'compose.yaml'));
const installed = (version: string): InstalledRelease => ({
  ...{ product: 'notes', title: 'Notes', version, project: 'notes', keyId: 'KEY', bundle: version },
  installedAt: '2026-11-20T00:00:00Z',
});

/** Each word is an operation and the release it left: `U1:1.0` an upgrade, `R1:1.1>U1` a rollback over it. */
function history(words: string, keep: (points: Point[]) => Point[] = (points) => points): Point[] {
  let points: Point[] = [];
  for (const [at, word] of words.split(' ').entries()) {
    const [, id = '', version = '', over] = /^(\w+):([\d.]+)(?:>(\w+))?$/.exec(word)!;
    // The clock runs backwards.
    const keptAt = new Date(Date.UTC(2026, 10, 21) - at * 60_000).toISOString();
    const kept = { id, from: installed(version), sizing, keptAt, ...(over === undefined ? {} : { over }) };
    points = keep([...points, pointAfter(points, kept)]);
  }
  return points;
}

const outcome = (words: string, now: string, to?: string): string => {
  try {
    return chooseWay({ points: words === '' ? [] : history(words), installed: installed(now), to }).id;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

t.test('a way back leads over the last upgrade that nobody has gone back over, or is refused', async (t) => {
  const table: readonly (readonly [string, string, string | undefined, string])[] = [
    ['', '1.0', undefined, 'release.no-way-back'],
    ['', '1.0', 'nonsense', 'release.no-way-back'],
    ['U1:1.0', '1.1', undefined, 'U1'],
    ['U1:1.0 U2:1.1', '1.2', undefined, 'U2'],
    ['U1:1.0 R1:1.1>U1', '1.0', undefined, 'release.went-back'],
    ['U1:1.0 U2:1.1 R2:1.2>U2', '1.1', undefined, 'release.went-back'],
    ['U1:1.0 R1:1.1>U1 U2:1.0', '1.2', undefined, 'U2'],
    // A rollback that is undone leaves things as if it had not been.
    ['U1:1.0 R1:1.1>U1 R2:1.0>R1', '1.1', undefined, 'U1'],
    ['U1:1.0 R1:1.1>U1 R2:1.0>R1 R3:1.1>U1', '1.0', undefined, 'release.went-back'],
    // By name.
    ['U1:1.0 R1:1.1>U1', '1.0', 'R1', 'R1'],
    ['U1:1.0 R1:1.1>U1', '1.0', 'U1', 'release.same'],
    ['U1:1.0 R1:1.1>U1 R2:1.0>R1', '1.1', 'R1', 'release.same'],
    ['U1:1.0 U2:1.1 R2:1.2>U2', '1.1', 'U1', 'U1'],
    ['U1:1.0 U2:1.1', '1.2', 'U1', 'U1'],
    ['U1:1.0', '1.1', 'nonsense', 'release.no-point'],
  ];
  for (const [words, now, to, expected] of table) {
    t.equal(outcome(words, now, to), expected, `${words || 'nothing'}, at ${now}, to ${to ?? 'the last'}`);
  }
});

t.test('whoever went back is told what they went back to, and the ways on', async (t) => {
  const points = history('U1:1.0 U2:1.1 R2:1.2>U2');
  t.throws(() => chooseWay({ points, installed: installed('1.1') }), {
    message: '1.1 is what you went back to (R2).',
    next: 'Forward again: `onstead upgrade BUNDLE`. To undo that rollback, with 1.2 and its data as they were: `onstead rollback --to R2 --restore-data`. Further back, to 1.0: `onstead rollback --to U1`.',
  });
});

t.test('a wrong name is answered with those that there are', async (t) => {
  const points = history('U1:1.0 R1:1.1>U1');
  t.throws(() => chooseWay({ points, installed: installed('1.0'), to: 'nonsense' }), {
    message: 'There is no restore point "nonsense".',
    next: /^There are: R1 \(1\.1, 2026-11-20T23:59Z\)\. See one as a plan/,
  });
});

t.test('the data is kept only where the schema becomes what that release knows', async (t) => {
  const check =
    (words: string, to: string, migrates = true) =>
    (): void => {
      const points = history(words);
      const point = points.find(({ id }) => id === to)!;
      refuseOtherSchema(point, points, { installed: installed('9'), migrates });
    };
  t.doesNotThrow(check('U1:1.0 U2:1.1', 'U2'), 'its own migrations are taken back');
  t.doesNotThrow(check('U1:1.0 R1:1.1>U1 R2:1.0>R1', 'U1'), 'also after a rollback was undone');
  t.throws(check('U1:1.0 U2:1.1', 'U1'), { code: 'release.other-schema', message: /another upgrade/ });
  t.throws(check('U1:1.0 R1:1.1>U1', 'R1'), {
    code: 'release.other-schema',
    message: /^1\.1 needs migrations that the database of 9 does not have/,
    next: /onstead upgrade BUNDLE.*--to R1 --restore-data/,
  });
  t.doesNotThrow(check('U1:1.0 R1:1.1>U1', 'R1', false), 'no migrations at all');
});

t.test('two are kept: the newest, and the last upgrade that stands', async (t) => {
  const kept = (words: string): string[] => history(words, pointsToKeep).map(({ id }) => id);
  t.strictSame(kept('U1:1.0 U2:1.1 U3:1.2').toSorted(), ['U2', 'U3']);
  t.strictSame(kept('U1:1.0 R1:1.1>U1').toSorted(), ['R1', 'U1']);
  t.strictSame(kept('U1:1.0 U2:1.1 R2:1.2>U2').toSorted(), ['R2', 'U1']);
  t.strictSame(kept('U1:1.0 R1:1.1>U1 R2:1.0>R1').toSorted(), ['R2', 'U1']);
  t.strictSame(
    standingOf(history('U1:1.0 R1:1.1>U1 R2:1.0>R1', pointsToKeep)).map(({ id }) => id),
    ['U1'],
    'known though the point in between is gone',
  );
});
