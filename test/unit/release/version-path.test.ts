// Which version may follow which.

import t from 'tap';
import { checkNotOlder, checkUpgradePath, remember } from '../../../src/release/index.ts';

const release = (version: string, stops: string[] = [], from?: string, product = 'notes') => ({
  product,
  version,
  upgrade: { stops, ...(from === undefined ? {} : { from }) },
});
const installed = (version: string) => ({ product: 'notes', version });

function outcome(from: string | undefined, to: ReturnType<typeof release>): string {
  const path = checkUpgradePath(from === undefined ? undefined : installed(from), to);
  return path.kind === 'refused' ? path.error.code : path.kind;
}

t.test('an upgrade goes forwards, within the range, over every hard stop', async (t) => {
  t.equal(outcome(undefined, release('1.4.0', ['1.3.0'], '>=1.2.0')), 'install');
  t.equal(outcome('1.4.0', release('1.4.0')), 'same');
  t.equal(outcome('1.3.0', release('1.4.0', ['1.3.0'], '>=1.2.0')), 'upgrade');
  t.equal(outcome('1.3.5', release('1.4.0', ['1.3.0'], '>=1.2.0')), 'upgrade');
  t.equal(outcome('1.2.0', release('1.4.0', ['1.3.0'], '>=1.2.0')), 'release.stop');
  t.equal(outcome('1.1.0', release('1.4.0', [], '>=1.2.0')), 'release.path');
  t.equal(outcome('1.5.0', release('1.4.0')), 'release.downgrade');
  t.equal(outcome('1.4.0', release('1.4.0-rc.1')), 'release.downgrade');
  t.equal(outcome('1.4.0-rc.1', release('1.4.0', [], '>=1.2.0')), 'upgrade');
  t.equal(outcome('1.0.0', release('2.0.0', [], undefined, 'other')), 'release.product');
});

t.test('of several hard stops the next one is named, and what to do', async (t) => {
  const path = checkUpgradePath(installed('1.0.0'), release('2.0.0', ['1.10.0', '1.9.0']));
  t.match(path, {
    kind: 'refused',
    error: { message: /over 1\.9\.0/, next: 'Install 1.9.0 first, then 2.0.0.' },
  });
});

t.test(
  'a version older than one seen from the same key is refused; keys and products are apart',
  async (t) => {
    const bundle = (version: string, keyId = 'K1', product = 'notes') => ({ keyId, product, version });
    const seen = remember(remember({}, bundle('1.4.0')), bundle('1.10.0'));
    t.equal(checkNotOlder(seen, bundle('1.10.0')), undefined);
    t.match(checkNotOlder(seen, bundle('1.9.0')), {
      code: 'bundle.older',
      message: /1\.10\.0 has been seen/,
    });
    t.equal(checkNotOlder(seen, bundle('1.0.0', 'K2')), undefined);
    t.equal(checkNotOlder(seen, bundle('1.0.0', 'K1', 'other')), undefined);
    t.strictSame(remember(seen, bundle('1.9.0')), seen, 'an older one does not lower the memory');
  },
);

t.test('every refusal says which versions it is about, and what to do', async (t) => {
  const refusals = [
    [installed('1.0.0'), release('2.0.0', ['1.5.0']), /1\.0\.0.*2\.0\.0.*1\.5\.0/, /^Install 1\.5\.0 first/],
    [installed('1.0.0'), release('2.0.0', [], '>=1.5.0'), /2\.0\.0.*>=1\.5\.0.*1\.0\.0/, />=1\.5\.0 first/],
    [installed('2.0.0'), release('1.0.0'), /1\.0\.0 is older than the installed 2\.0\.0/, /2\.0\.0 or newer/],
    [installed('1.0.0'), release('2.0.0', [], undefined, 'crm'), /"crm".*"notes"/, /a release of "notes"/],
  ] as const;
  for (const [from, to, message, next] of refusals)
    t.match(checkUpgradePath(from, to), { kind: 'refused', error: { message, next } });
});
