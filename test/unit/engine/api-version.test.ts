import t from 'tap';
import { compareApi, negotiate, NEWEST_API } from '../../../src/engine/api-version.ts';

const offer = (newest: string, oldest: string): string => negotiate({ engineVersion: 'x', newest, oldest });

t.test('the highest version that both know is spoken', async (t) => {
  t.equal(offer('1.41', '1.12'), '1.41', 'engine 20.10');
  t.equal(offer('1.43', '1.12'), '1.43', 'engine 24');
  t.equal(offer('1.52', '1.44'), '1.52', 'engine 29.0');
  t.equal(offer('1.99', '1.44'), NEWEST_API, 'an engine newer than we know');
});

t.test('an engine without a version in common is refused, each side by its name', async (t) => {
  t.throws(() => offer('1.40', '1.12'), { code: 'engine.too-old' });
  t.throws(() => offer('1.9', '1.1'), { code: 'engine.too-old' });
  t.throws(() => offer('2.10', '2.0'), { code: 'engine.too-new' });
});

t.test('versions compare by number, not by text', async (t) => {
  t.ok(compareApi('1.9', '1.41') < 0);
  t.ok(compareApi('2.0', '1.99') > 0);
  t.equal(compareApi('1.44', '1.44'), 0);
});
