// `onstead certificate` looks and changes nothing.

import { mkdir, readdir } from 'node:fs/promises';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { ensureCertificates, SecretStore } from '../../../src/stack/index.ts';
import { onstead } from './cli-lab.ts';

const ABSENT = {
  out: '',
  err: /^error: Nothing is installed here, so there is no certificate yet\.\nnext: .*onstead install BUNDLE/,
};

t.test('where nothing is installed it only says so', async (t) => {
  const root = t.testdir();
  const said = await onstead(['certificate'], { root });
  t.match(said, ABSENT);
  t.not(said.code, 0);
  t.strictSame(await readdir(root, { recursive: true }), [], 'and makes nothing');
  await mkdir(pathsUnder(root).secrets, { recursive: true });
  t.match(await onstead(['certificate'], { root }), ABSENT, 'an empty store is none');
  t.strictSame(await readdir(pathsUnder(root).secrets), []);
  await t.rejects(readdir(`${root}/etc`), { code: 'ENOENT' }, 'no key was made');
});

t.test('where a stack stands and its secrets do not, they are lost', async (t) => {
  const root = t.testdir();
  const { stack, secrets: folder, machineKey: machineKeyPath } = pathsUnder(root);
  await mkdir(stack, { recursive: true });
  const lost = {
    code: 5,
    out: '',
    err: /^error: The secret store .*secrets\.json is gone.*\nnext: .*last copy/,
  };
  t.match(await onstead(['certificate'], { root }), lost);
  await t.rejects(readdir(`${root}/etc`), { code: 'ENOENT' }, 'no key was made');
  const store = await SecretStore.open({ folder, machineKeyPath, clock: systemClock });
  await store.set('another', 'value');
  t.match(await onstead(['certificate'], { root }), {
    code: 5,
    err: /^error: Secrets are gone: edge_ca\.crt,/,
  });
});

t.test('the authority is printed as it is, and its key never', async (t) => {
  const root = t.testdir();
  const { secrets: folder, machineKey: machineKeyPath } = pathsUnder(root);
  const store = await SecretStore.open({ folder, machineKeyPath, clock: systemClock });
  await store.set('another', 'value');
  t.match(await onstead(['certificate'], { root }), ABSENT, 'a store without a certificate');
  await ensureCertificates(store, ['localhost'], systemClock);
  const { code, out } = await onstead(['certificate'], { root });
  t.equal(code, 0);
  t.match(out, /^-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n$/);
});
