// Sizes and durations between people and numbers.

import t from 'tap';
import { formatBytes, formatDuration, GIB, MIB, parseBytes, parseDuration } from '../../../src/base/units.ts';

t.test('sizes are binary, as Compose reads them', async (t) => {
  t.equal(parseBytes('16G'), 16 * GIB);
  t.equal(parseBytes('512 MiB'), 512 * MIB);
  t.equal(parseBytes('1.5g'), 1.5 * GIB);
  t.equal(parseBytes('4096'), 4096);
  for (const text of ['', 'many', '-1G', '1Q'])
    t.throws(() => parseBytes(text), { code: 'usage.size' }, text);
});

t.test('sizes are shown with one digit where it says something', async (t) => {
  t.equal(formatBytes(1.5 * GIB), '1.5 GB');
  t.equal(formatBytes(2 * GIB), '2 GB');
  t.equal(formatBytes(900), '900 B');
});

t.test('durations are read in parts', async (t) => {
  t.equal(parseDuration('1h30m'), 5_400_000);
  t.equal(parseDuration('250ms'), 250);
  t.equal(parseDuration('30s'), 30_000);
  for (const text of ['', 'soon', '5']) t.throws(() => parseDuration(text), { code: 'usage.duration' }, text);
});

t.test('durations are shown in the unit that fits', async (t) => {
  t.equal(formatDuration(999), '999 ms');
  t.equal(formatDuration(1500), '1.5 s');
  t.equal(formatDuration(90_000), '1 min 30 s');
  t.equal(formatDuration(119_700), '2 min', 'never 60 s');
  t.equal(formatDuration(3_600_000), '1 h');
});
