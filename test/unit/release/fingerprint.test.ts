// Fingerprints: small, whole after a mail, and refused in one sentence when they are not.

import t from 'tap';
import { isOnsteadError } from '../../../src/base/errors.ts';
import { fingerprintOf, fingerprintText, readFingerprint } from '../../../src/release/index.ts';
import { sha256 } from './bundle-fixture.ts';

const layer = (name: string): string => `sha256:${sha256(name)}`;
const chains = [
  [layer('base'), layer('node'), layer('app-1')],
  [layer('base'), layer('node'), layer('app-2')],
  [layer('base'), layer('nginx')],
  [layer('base'), layer('nginx')],
];
const fingerprint = fingerprintOf({
  made: '2026-11-21T12:00:00.000Z',
  onstead: '0.1.0',
  program: layer('program'),
  engine: '20.10.24+dfsg1',
  store: 'classic',
  arch: 'amd64',
  installed: { product: 'notes', version: '1.0.0' },
  kept: ['1.0.0'],
  chains,
});
const text = fingerprintText(fingerprint);

t.test('it comes back as it was, each layer and each chain once', async (t) => {
  t.strictSame(readFingerprint(text), fingerprint);
  t.strictSame(
    new Set(fingerprint.chains.map((chain) => chain.map((at) => fingerprint.layers[at]).join())),
    new Set(chains.map((chain) => chain.join())),
  );
  t.equal(fingerprint.chains.length, 3);
  const { onsteadFingerprint: _, layers: __, chains: ___, ...facts } = fingerprint;
  t.strictSame(fingerprintOf({ ...facts, chains: chains.toReversed() }), fingerprint, 'in any order');
  t.equal(fingerprint.layers.length, 5);
});

t.test('it survives a mail: short lines, quoting, words around it, other white space', async (t) => {
  t.ok(text.split('\n').every((line) => line.length <= 90));
  const mails = [
    `Hello,\n\nhere it is:\n\n${text}\nRegards\n`,
    text.replace(/^/gm, '> '),
    text.replace(/^/gm, '>> '),
    text.replace(/\n/g, '\r\n'),
    text.replace(/\n\s*/g, ''),
    `\uFEFF${text.replace(/^ /gm, '\u00A0')}`,
  ];
  for (const mail of mails) t.strictSame(readFingerprint(mail), fingerprint);
});

t.test('every byte that is changed, and every end that is cut off, is refused in one sentence', async (t) => {
  const accepted: string[] = [];
  const odd: string[] = [];
  const judge = (wrong: string, what: string): void => {
    try {
      const read = readFingerprint(wrong, 'mail.txt');
      if (JSON.stringify(read) !== JSON.stringify(fingerprint)) accepted.push(what);
    } catch (error) {
      if (!isOnsteadError(error, 'bundle.fingerprint')) odd.push(`${what}: ${String(error)}`);
      else if (!/^mail\.txt [^\n]+\.$/.test(error.message) || error.next === undefined)
        odd.push(error.message);
    }
  };
  for (let at = 0; at < text.length; at += 1) {
    const others = /\d/.test(text[at]!) ? ['0', '9', 'a'] : ['0', 'x', '"'];
    for (const other of others) {
      if (other !== text[at]) judge(text.slice(0, at) + other + text.slice(at + 1), `${other} at ${at}`);
    }
    judge(text.slice(0, at) + text.slice(at + 1), `without ${at}`);
    judge(text.slice(0, at), `cut at ${at}`);
  }
  for (const other of ['', 'nothing', '{', '{}', '[]', 'null', '{"onsteadFingerprint":1}'])
    judge(other, other);
  t.strictSame(accepted, []);
  t.strictSame(odd, []);
});

t.test('a newer one asks for a newer Onstead', async (t) => {
  t.throws(() => readFingerprint(text.replace('"onsteadFingerprint": 1', '"onsteadFingerprint": 2')), {
    code: 'bundle.fingerprint',
    next: /newer Onstead/,
  });
});

t.test('one that names layers it does not list is refused, whatever its checksum says', async (t) => {
  const beyond = fingerprintText({ ...fingerprint, chains: [[99]] });
  t.throws(() => readFingerprint(beyond), { code: 'bundle.fingerprint', message: /does not list/ });
});
