// Our keys and signatures against the real minisign program, both ways.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../src/base/process.ts';
import { keygen, readPublicKey, readSecretKey, sign, verifySignature } from '../../src/release/index.ts';

const folder = await mkdtemp(join(tmpdir(), 'onstead-minisign-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const data = Buffer.from('a file to sign\n'.repeat(1000));
await writeFile(at('data'), data);

for (const password of [undefined, 'correct horse']) {
  const kind = password === undefined ? 'an open key' : 'a key with a password';

  t.test(`minisign accepts what ${kind} of ours signs`, async (t) => {
    const pair = await keygen(password === undefined ? {} : { password });
    await writeFile(at('ours.pub'), pair.publicKey);
    await writeFile(
      at('data.minisig'),
      sign(data, await readSecretKey(pair.secretKey, password), 'notes 1.0.0'),
    );
    const { stdout } = await run('minisign', ['-V', '-H', '-m', at('data'), '-p', at('ours.pub')]);
    t.match(stdout, 'Signature and comment signature verified');
    t.match(stdout, 'Trusted comment: notes 1.0.0');
  });

  t.test(`minisign signs with ${kind} of ours, and we accept it`, async (t) => {
    const pair = await keygen(password === undefined ? {} : { password });
    await writeFile(at('ours.key'), pair.secretKey, { mode: 0o600 });
    await run(
      'minisign',
      ['-S', '-m', at('data'), '-s', at('ours.key'), '-x', at('out.minisig'), '-t', 'by hand'],
      {
        stdin: `${password ?? ''}\n`,
      },
    );
    const text = await readFile(at('out.minisig'), 'utf8');
    t.strictSame(verifySignature(data, text, [readPublicKey(pair.publicKey)]), {
      keyId: pair.keyId,
      trustedComment: 'by hand',
    });
  });

  t.test(`${kind} of minisign's is read by us, and signs`, async (t) => {
    const files = ['-p', at('theirs.pub'), '-s', at('theirs.key')];
    const open = password === undefined ? ['-W'] : [];
    await run('minisign', ['-G', '-f', ...open, ...files], { stdin: `${password}\n${password}\n` });
    const key = await readSecretKey(await readFile(at('theirs.key'), 'utf8'), password);
    t.equal(key.keyId, readPublicKey(await readFile(at('theirs.pub'), 'utf8')).keyId);
    await writeFile(at('data.minisig'), sign(data, key, 'from us'));
    const { stdout } = await run('minisign', ['-V', '-m', at('data'), '-p', at('theirs.pub')]);
    t.match(stdout, 'Trusted comment: from us');
  });
}
