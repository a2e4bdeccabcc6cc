// Secrets are kept sealed; whoever has the file without the key, or half of either, gets one clear refusal.

import { cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { generateSecret, SecretStore } from '../../../src/stack/index.ts';
import { HandClock } from '../journal/lab.ts';
import { openFolder, openStore } from './lab.ts';

const SECRET = 'the-quick-brown-fox-jumps';

t.test('what was kept comes back, also to the next who opens it', async (t) => {
  const folder = await openFolder(t);
  const store = await openStore(folder);
  t.strictSame(store.names(), []);
  t.strictSame(await store.ensure(['b', 'a']), ['b', 'a']);
  await store.set('c', SECRET);
  const again = await openStore(folder);
  t.strictSame(again.names(), ['a', 'b', 'c']);
  for (const name of again.names()) t.equal(again.get(name), store.get(name));
  t.equal(again.get('c'), SECRET);
});

t.test('only missing secrets are made', async (t) => {
  const store = await openStore(await openFolder(t));
  await store.set('kept', SECRET);
  t.strictSame(await store.ensure(['kept', 'new']), ['new']);
  t.strictSame(await store.ensure(['kept', 'new']), []);
  t.equal(store.get('kept'), SECRET);
});

t.test('a secret is 256 random bits that need no quoting', async (t) => {
  t.match(generateSecret(), /^[0-9a-f]{64}$/);
  t.not(generateSecret(), generateSecret());
});

t.test('a missing secret is named with the way to get it', async (t) => {
  const store = await openStore(await openFolder(t));
  t.throws(() => store.get('gone'), { code: 'secret.missing', message: /"gone"/, next: /installation/ });
});

t.test('names that every object has are names like any other', async (t) => {
  const store = await openStore(await openFolder(t));
  t.equal(store.has('constructor'), false);
  t.throws(() => store.get('constructor'), { code: 'secret.missing' });
  t.strictSame(await store.ensure(['constructor']), ['constructor']);
  t.match(store.get('constructor'), /^[0-9a-f]{64}$/);
});

t.test('the file and the key are for their owner alone, and hold nothing in the clear', async (t) => {
  const folder = await openFolder(t);
  const store = await openStore(folder);
  await store.set('password', SECRET);
  for (const path of ['secrets/secrets.json', 'etc/machine.key']) {
    t.equal((await stat(join(folder, path))).mode & 0o777, 0o600, path);
  }
  t.equal((await stat(join(folder, 'secrets'))).mode & 0o777, 0o700);
  const text = await readFile(join(folder, 'secrets/secrets.json'), 'utf8');
  for (const form of [
    SECRET,
    Buffer.from(SECRET).toString('base64').slice(4, 24),
    Buffer.from(SECRET).toString('hex'),
  ])
    t.notOk(text.includes(form));
  t.notOk(text.includes('password'), 'not even the names');
});

t.test('the same content is sealed differently every time', async (t) => {
  const folder = await openFolder(t);
  const store = await openStore(folder);
  const nonces = new Set<string>();
  for (let time = 0; time < 5; time += 1) {
    await store.set('x', SECRET);
    nonces.add(JSON.parse(await readFile(join(folder, 'secrets/secrets.json'), 'utf8')).nonce);
  }
  t.equal(nonces.size, 5);
});

t.test('thirty versions are kept, the newest counts', async (t) => {
  const folder = await openFolder(t);
  const store = await openStore(folder, new HandClock());
  for (let at = 1; at <= 29; at += 1) await store.set('x', `value-${at}`);
  const size = async (): Promise<number> => (await stat(join(folder, 'secrets/secrets.json'))).size;
  const before = await size();
  await store.set('x', 'value-30');
  const full = await size();
  t.ok(full > before, 'the thirtieth is one more');
  for (let at = 31; at <= 40; at += 1) {
    await store.set('x', `value-${at}`);
    t.ok(Math.abs((await size()) - full) < 60, `version ${at} replaces the oldest`);
  }
  t.equal((await openStore(folder)).get('x'), 'value-40');
});

t.test('changes at the same time are all kept', async (t) => {
  const folder = await openFolder(t);
  const store = await openStore(folder);
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => store.set(name, name)));
  await Promise.all([store.remove(['a']), store.set('e', 'e')]);
  for (const one of [store, await openStore(folder)]) t.strictSame(one.names(), ['b', 'c', 'd', 'e']);
});

t.test('another key opens nothing', async (t) => {
  const folder = await openFolder(t);
  await (await openStore(folder)).set('x', SECRET);
  await writeFile(join(folder, 'etc/machine.key'), `${generateSecret()}\n`);
  const error = await t.rejects(openStore(folder), { code: 'secret.unreadable', next: /same backup/ });
  t.notMatch(JSON.stringify(error), new RegExp(SECRET));
});

t.test('a missing or damaged key is never replaced by a new one', async (t) => {
  const folder = await openFolder(t);
  await (await openStore(folder)).set('x', SECRET);
  const before = await readFile(join(folder, 'secrets/secrets.json'), 'utf8');
  for (const damaged of ['', 'abc', 'zz'.repeat(32), '0'.repeat(62)]) {
    await writeFile(join(folder, 'etc/machine.key'), damaged);
    await t.rejects(openStore(folder), { code: 'secret.no-key', message: /is damaged/ });
  }
  await rm(join(folder, 'etc/machine.key'));
  await t.rejects(openStore(folder), { code: 'secret.no-key', message: /is missing/, next: /recovery kit/ });
  await t.rejects(stat(join(folder, 'etc/machine.key')), { code: 'ENOENT' });
  t.equal(await readFile(join(folder, 'secrets/secrets.json'), 'utf8'), before);
});

t.test('a file that was cut off or flipped anywhere is refused', async (t) => {
  const folder = await openFolder(t);
  const store = await openStore(folder);
  await store.ensure(['a', 'b']);
  const path = join(folder, 'secrets/secrets.json');
  const whole = await readFile(path, 'utf8');
  const { nonce, tag, data } = JSON.parse(whole);
  const damaged = [
    ...[0, 1, 0.3, 0.9].map((share) =>
      whole.slice(0, share <= 1 ? Math.floor((whole.length - 3) * share) : 1),
    ),
    ...[nonce, tag, data].flatMap((field: string) =>
      [0, Math.floor(field.length / 3)].map((at) =>
        whole.replace(field, field.slice(0, at) + (field[at] === 'A' ? 'B' : 'A') + field.slice(at + 1)),
      ),
    ),
    // Fewer bytes of a tag are easier to guess.
    whole.replace(tag, Buffer.from(tag, 'base64').subarray(0, 4).toString('base64')),
    'null',
    '{}',
    '[]',
  ];
  for (const text of damaged) {
    await writeFile(path, text);
    await t.rejects(openStore(folder), { code: 'secret.unreadable' }, text.slice(0, 40));
  }
  await writeFile(path, whole);
  t.ok((await openStore(folder)).get('a'));
});

t.test('a write that fails leaves the secrets as they were', async (t) => {
  const folder = await openFolder(t);
  const store = await openStore(folder);
  await store.set('x', SECRET);
  await rm(join(folder, 'secrets'), { recursive: true });
  await t.rejects(store.set('x', 'other'), { code: 'ENOENT' });
  t.equal(store.get('x'), SECRET, 'what is not on the disk does not count');
  await mkdir(join(folder, 'secrets'));
  await store.set('y', 'later');
  t.equal((await openStore(folder)).get('x'), SECRET);
});

t.test('a copy of the folder with its key opens elsewhere', async (t) => {
  const [from, to] = [await openFolder(t), await openFolder(t)];
  await (await openStore(from)).set('x', SECRET);
  await cp(from, to, { recursive: true });
  t.equal((await openStore(to)).get('x'), SECRET);
  t.type(await openStore(to), SecretStore);
});

t.test('no secret of now or before stays in a text, also one that was taken back', async (t) => {
  const store = await openStore(await openFolder(t));
  await store.setAll({ short: 'abcdefgh', long: 'abcdefgh.ijkl', odd: 'a+b(c)[d]$e^' });
  await store.set('short', 'newer-one');
  const said = 'abcdefgh abcdefgh.ijkl abcdefghxijkl newer-one "a+b(c)[d]$e^"';
  const masked = '[secret] [secret] [secret]xijkl [secret] "[secret]"';
  t.equal(store.mask(said), masked);
  await store.remove(store.names());
  t.equal(store.mask(said), masked);
});

t.test('the lines of a key are masked one by one, its frame and short words are not', async (t) => {
  const store = await openStore(await openFolder(t));
  await store.setAll({ key: '-----BEGIN KEY-----\nMIIBVgIB\n-----END KEY-----\n', pin: '1234567' });
  t.equal(
    store.mask('-----BEGIN KEY-----\nMIIBVgIB\n1234567 -----END KEY-----'),
    '-----BEGIN KEY-----\n[secret]\n1234567 -----END KEY-----',
  );
});
