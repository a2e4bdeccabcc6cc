// The file that people edit: what stands in it is possible, and everything that is not is told at once.

import { randomInt } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import t from 'tap';
import { isOnsteadError, type ErrorDetail } from '../../../src/base/errors.ts';
import { GIB, MIB } from '../../../src/base/units.ts';
import { defaultSettings, parseSettings } from '../../../src/stack/settings.ts';

function mistakesIn(text: string): readonly ErrorDetail[] {
  try {
    parseSettings(text, 'onstead.yaml');
    return [];
  } catch (error) {
    if (!isOnsteadError(error, 'settings.invalid')) throw error;
    return error.details;
  }
}

const takes = (text: string): boolean => mistakesIn(text).length === 0;
const takesName = (name: string): boolean => takes(`edge: { names: [${JSON.stringify(name)}] }`);
const takesAddress = (address: string): boolean => takes(`edge: { address: "${address}" }`);

t.test('an empty file is the defaults, and each key has its place', async (t) => {
  for (const text of ['', '# nothing\n', '{}'])
    t.strictSame(parseSettings(text, 'onstead.yaml'), defaultSettings);
  const text = `
project: shop
edge: { address: 192.168.1.7, http: 8080, https: 8443, names: [shop.lan, 192.168.1.7, "fd00::7"], maxBody: 20M, http2: true }
limits: { cpus: 2.5, memory: 6G, disk: 1.5T }
upgrade: { readyWithin: 1m30s, soak: 5s, hold: 20s }
`;
  t.strictSame(parseSettings(text, 'onstead.yaml'), {
    project: 'shop',
    edge: {
      address: '192.168.1.7',
      httpPort: 8080,
      httpsPort: 8443,
      names: ['shop.lan', '192.168.1.7', 'fd00::7'],
      maxBodyBytes: 20 * MIB,
      http2: true,
    },
    limits: { cpus: 2.5, memoryBytes: 6 * GIB, diskBytes: 1536 * GIB },
    upgrade: { readyWithinMs: 90_000, soakMs: 5_000, keepWarmMs: 300_000, holdMs: 20_000 },
  });
});

t.test('an address that no machine has is refused', async (t) => {
  for (const good of ['0.0.0.0', '127.0.0.1', '10.0.0.1', '192.168.255.254', '223.255.255.255'])
    t.ok(takesAddress(good), good);
  const bad = ['999.1.1.1', '256.0.0.1', '1.2.3', '1.2.3.4.5', '0.0.0.1', '224.0.0.1', '255.255.255.255'];
  for (const one of [...bad, '01.2.3.4', '1.2.3.4 ', '', '::1', 'localhost', '1.2.3.4/24', '1.2.3.4\\n'])
    t.notOk(takesAddress(one), one);
});

t.test('a name that cannot be one is refused', async (t) => {
  const label = 'a'.repeat(63);
  const good = [
    'notes',
    'notes.lan',
    'NOTES.example.org',
    '4you.org',
    'a-b.c',
    '10.1.2.3',
    '::1',
    'fe80::1:2',
  ];
  for (const one of [...good, label, `${label}.${label}.${label}.${'a'.repeat(61)}`])
    t.ok(takesName(one), one);
  const bad = [
    '999.1.1.1',
    '1.2.3',
    '12',
    'a.7',
    '-a',
    'a-',
    'a..b',
    '.a',
    'a.',
    'a b',
    'a;b',
    'a_b',
    'a/b',
    '',
  ];
  const long = [
    `a${label}`,
    `${label}.${label}.${label}.${label}`,
    '*.lan',
    'a\nb',
    'a:80',
    '[::1]',
    ':::',
    'münchen',
  ];
  for (const one of [...bad, ...long]) t.notOk(takesName(one), JSON.stringify(one));
});

t.test('addresses are told from others as the runtime tells them', async (t) => {
  const group = (): string => randomInt(0x1_0000).toString(16).slice(0, randomInt(1, 5));
  for (let turn = 0; turn < 3_000; turn += 1) {
    const parts = Array.from({ length: randomInt(1, 11) }, () => (randomInt(4) === 0 ? '' : group()));
    const text = `${randomInt(3) === 0 ? ':' : ''}${parts.join(':')}${randomInt(3) === 0 ? ':' : ''}`;
    if (text.includes(':') && takesName(text) !== isIPv6(text)) t.fail(text);
    const dotted = Array.from({ length: randomInt(3, 6) }, () => randomInt(300)).join('.');
    const possible = isIPv4(dotted) && !/^(0|22[4-9]|2[345]\d)\./.test(dotted);
    if (takesName(dotted) !== possible) t.fail(dotted);
  }
});

t.test('the two ports are two, a default counted too', async (t) => {
  t.match(mistakesIn('edge: { http: 8443, https: 8443 }'), [
    {
      line: 1,
      column: 28,
      message: /"https" is 8443; it must be another port than "http", which is 8443.* https: 443\./,
    },
  ]);
  t.match(mistakesIn('edge:\n  http: 443\n'), [
    {
      line: 2,
      column: 9,
      message: /"http" is 443; it must be another port than "https", which is 443 unless chosen.* http: 80\./,
    },
  ]);
  t.match(mistakesIn('edge: { http: 443, https: 443 }'), [
    { message: /"http", which is 443.* https: 8443\./ },
  ]);
  t.match(mistakesIn('edge: { https: 80 }'), [{ message: /"https" is 80/ }]);
  t.ok(takes('edge: { http: 443, https: 80 }'));
  for (const port of ['0', '65536', '-1', '80.5', '"80"', 'yes'])
    t.notOk(takes(`edge: { http: ${port} }`), port);
});

t.test('the old replicas are not kept warm for longer than a day', async (t) => {
  t.ok(takes('upgrade: { keepWarm: 24h }'));
  t.match(mistakesIn('upgrade: { soak: 5s, keepWarm: 1d1s }'), [
    { line: 1, column: 32, message: /keepWarm.* at most 24h/ },
  ]);
});

t.test('every mistake is told at once, with its place and what would be right', async (t) => {
  const text = `colour: red
edge:
  adress: 10.0.0.1
  address: 999.1.1.1
  https: 70000
  names: [good.lan, "bad name", 999.1.1.1]
limits:
  cpus: 0
  memory: 0G
  disk: 40
`;
  const mistakes = mistakesIn(text);
  const told = mistakes.map(({ line, column, message }) => `${line}:${column} ${message}`);
  const expected = [
    /^1:1 .*onstead\.yaml:1:1 "colour" is not a key that stands here\. .*project, edge, limits, upgrade\.$/,
    /^3:3 .*"adress" is not a key that stands here\. Did you mean "address"\?$/,
    /^4:12 .*"address" is "999\.1\.1\.1"; it must be an IPv4 address .* address: 0\.0\.0\.0\.$/,
    /^5:10 .*"https" is 70000; it must be a port from 1 to 65535\. .* https: 443\.$/,
    /^6:21 .*Item 2 of "names" is "bad name"; it must be a host name/,
    /^6:33 .*Item 3 of "names" is "999\.1\.1\.1"/,
    /^8:9 .*"cpus" is 0; it must be a number of CPUs/,
    /^9:11 .*"memory" is "0G"; it must be a size/,
    /^10:9 .*"disk" is 40; it must be a size .*with its unit\. .* disk: 16G\.$/,
  ];
  t.equal(told.length, expected.length, told.join('\n'));
  for (const [at, pattern] of expected.entries()) t.match(told[at], pattern);
});

t.test('one mistake is called one, and the next action names its line', async (t) => {
  t.throws(() => parseSettings('edge:\n  http: no\n', '/etc/onstead/onstead.yaml'), {
    code: 'settings.invalid',
    message: 'The settings /etc/onstead/onstead.yaml have a mistake.',
    next: /^Line 2: Write for example http: 443\.$/,
  });
});
