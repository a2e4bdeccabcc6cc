// Signatures and keys without the real program: its published vectors, and every way to be wrong.

import { createHash } from 'node:crypto';
import t from 'tap';
import { keygen, readPublicKey, readSecretKey, sign, verifySignature } from '../../../src/release/index.ts';
import { isPasswordNeeded } from '../../../src/release/index.ts';
import { blake2b } from '../../../src/release/blake2b.ts';

const data = Buffer.from('what is signed\n');

t.test('BLAKE2b is the one of RFC 7693, for every length of input', async (t) => {
  for (const length of [0, 1, 63, 64, 127, 128, 129, 255, 256, 257, 1000]) {
    const input = Buffer.alloc(length, length % 251);
    t.equal(blake2b(input, 64).toString('hex'), createHash('blake2b512').update(input).digest('hex'));
  }
  const abc = 'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319'; // b2sum -l 256
  t.equal(blake2b(Buffer.from('abc'), 32).toString('hex'), abc);
});

t.test('what is signed verifies with the key among several trusted ones, and names it', async (t) => {
  const [one, two] = [await keygen(), await keygen()];
  const text = sign(data, await readSecretKey(two.secretKey), 'notes 1.0.0');
  const trusted = [readPublicKey(one.publicKey), readPublicKey(two.publicKey)];
  t.strictSame(verifySignature(data, text, trusted), { keyId: two.keyId, trustedComment: 'notes 1.0.0' });
  t.throws(() => verifySignature(data, text, [trusted[0]!]), {
    code: 'bundle.unknown-key',
    message: two.keyId,
  });
  t.throws(() => verifySignature(data, text, []), {
    code: 'bundle.unknown-key',
    message: /no key is trusted/,
    next: /put their .pub file into \/etc\/onstead\/trust/,
  });
  t.throws(() => verifySignature(Buffer.from('other'), text, trusted), { code: 'bundle.signature' });
});

t.test(
  'another key that calls itself by the same id does not sign for it, nor stand in its way',
  async (t) => {
    const [vendor, thief] = [await keygen(), await keygen()];
    const real = readPublicKey(vendor.publicKey);
    const forged = { ...(await readSecretKey(thief.secretKey)), keyId: real.keyId };
    t.throws(() => verifySignature(data, sign(data, forged, 'x'), [real]), {
      code: 'bundle.signature',
      message: /does not fit/,
    });
    const same = { ...readPublicKey(thief.publicKey), keyId: real.keyId };
    const text = sign(data, await readSecretKey(vendor.secretKey), 'x');
    t.equal(verifySignature(data, text, [same, real]).keyId, real.keyId);
  },
);

t.test('no single byte of a signature can be changed', async (t) => {
  const pair = await keygen();
  const trusted = [readPublicKey(pair.publicKey)];
  const text = Buffer.from(sign(data, await readSecretKey(pair.secretKey), 'a comment'));
  for (let at = 0; at < text.length; at += 1) {
    for (const bit of [1, 32]) {
      const changed = Buffer.from(text);
      changed[at]! ^= bit;
      t.throws(
        () => verifySignature(data, changed.toString('latin1'), trusted),
        { code: /^bundle\./ },
        `byte ${at}`,
      );
    }
  }
  t.throws(() => verifySignature(data, `${text.toString()}\n`, trusted), { code: 'bundle.signature' });
  t.throws(() => verifySignature(data, '', trusted), { code: 'bundle.signature' });
});

t.test('a comment or signature that is not UTF-8 is not taken for another', async (t) => {
  const pair = await keygen();
  const text = sign(data, await readSecretKey(pair.secretKey), 'a\ufffdb');
  const changed = Buffer.from(text.replace('\ufffd', '\ufffe'));
  t.throws(() => verifySignature(data, changed.toString(), [readPublicKey(pair.publicKey)]), {
    code: 'bundle.signature',
  });
});

t.test('a key with a password opens with that password alone', async (t) => {
  const pair = await keygen({ password: 'pass wörd' });
  t.equal(isPasswordNeeded(pair.secretKey), true);
  const key = await readSecretKey(pair.secretKey, 'pass wörd');
  t.equal(key.keyId, pair.keyId);
  await t.rejects(readSecretKey(pair.secretKey), {
    code: 'bundle.password',
    next: /prompt, file or environment/,
  });
  await t.rejects(readSecretKey(pair.secretKey, 'wrong'), { code: 'bundle.password' });
  t.notMatch(JSON.stringify(key), Buffer.from(key.seed()).toString('hex'), 'a printed key shows nothing');
});

t.test('what is not a key is refused with a clear sentence', async (t) => {
  const pair = await keygen();
  for (const text of ['', 'x', pair.secretKey, `${pair.publicKey}more\n`, pair.publicKey.slice(0, -10)]) {
    t.throws(() => readPublicKey(text), { code: 'bundle.key', next: /\.pub/ });
  }
  for (const text of ['', pair.publicKey, pair.secretKey.slice(0, -9)]) {
    await t.rejects(readSecretKey(text), { code: 'bundle.key', next: /\.key/ });
  }
});
