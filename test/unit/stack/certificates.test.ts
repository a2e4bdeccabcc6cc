// The edge's certificates, judged by OpenSSL and by Node's own TLS, with a clock that the test moves.

import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../../src/base/process.ts';
import {
  certificateEnd,
  certificateSecrets as names,
  ensureCertificates,
  type SecretStore,
} from '../../../src/stack/index.ts';
import { HandClock } from '../journal/lab.ts';
import { openFolder, openStore } from './lab.ts';

const DAY_MS = 86_400_000;
const hosts = ['notes.example.org', 'localhost', 'box-1', '192.0.2.7', '127.0.0.1', '::1'];

async function madeFor(t: Tap, given: readonly string[] = hosts) {
  const folder = await openFolder(t);
  const clock = new HandClock();
  const store = await openStore(folder, clock);
  const isNew = await ensureCertificates(store, given, clock);
  return { folder, clock, store, isNew };
}

interface Tap {
  teardown(end: () => unknown): void;
}

async function verify(
  folder: string,
  store: SecretStore,
  args: readonly string[],
  at: Date,
): Promise<{ code: number; said: string }> {
  const [ca, server] = [join(folder, 'ca.pem'), join(folder, 'server.pem')];
  await writeFile(ca, store.get(names.authority));
  await writeFile(server, store.get(names.server));
  const { code, stdout, stderr } = await run(
    'openssl',
    [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-attime',
      String(Math.floor(at.getTime() / 1000)),
      '-CAfile',
      ca,
      ...args,
      server,
    ],
    { accept: [0, 2] },
  );
  return { code, said: stdout + stderr };
}

t.test('OpenSSL accepts the chain for every name and address, and for no other', async (t) => {
  const { folder, store, isNew, clock } = await madeFor(t);
  t.equal(isNew, true);
  const at = clock.now();
  for (const host of hosts) {
    const flag = /^[\d.]+$|:/.test(host) ? '-verify_ip' : '-verify_hostname';
    t.match(await verify(folder, store, [flag, host], at), { code: 0, said: /OK/ }, host);
  }
  t.match(await verify(folder, store, ['-verify_hostname', 'evil.example.org'], at), { code: 2 });
  t.match(await verify(folder, store, ['-verify_ip', '192.0.2.8'], at), { code: 2 });
  t.match(await verify(folder, store, [], new Date(at.getTime() + 398 * DAY_MS)), {
    code: 2,
    said: /expired/,
  });
});

t.test('the keys fit, and the authority may sign while the server may not', async (t) => {
  const { store } = await madeFor(t);
  for (const [certificate, key] of [
    [names.authority, names.authorityKey],
    [names.server, names.serverKey],
  ] as const) {
    const parsed = new X509Certificate(store.get(certificate));
    t.ok(parsed.checkPrivateKey(createPrivateKey(store.get(key))), certificate);
    t.equal(createPublicKey(store.get(key)).asymmetricKeyDetails?.namedCurve, 'prime256v1');
  }
  const [authority, server] = [names.authority, names.server].map(
    (name) => new X509Certificate(store.get(name)),
  );
  t.equal(authority!.ca, true);
  t.equal(server!.ca, false);
  t.ok(server!.verify(authority!.publicKey));
  t.ok(server!.checkIssued(authority!));
  t.not(server!.serialNumber, authority!.serialNumber);
  t.match(server!.subjectAltName, /DNS:notes\.example\.org.*IP Address:192\.0\.2\.7/);
});

t.test('browsers refuse long lives; clocks that disagree are allowed for', async (t) => {
  const { store, clock } = await madeFor(t);
  const { validFrom, validTo } = new X509Certificate(store.get(names.server));
  t.ok(Date.parse(validTo) - Date.parse(validFrom) <= 398 * DAY_MS);
  t.equal(clock.now().getTime() - Date.parse(validFrom), 3_600_000);
  t.equal(certificateEnd(store.get(names.server)).getTime(), clock.now().getTime() + 397 * DAY_MS);
});

t.test('a real TLS client that trusts the authority connects', async (t) => {
  const folder = await openFolder(t);
  const now = { ...new HandClock(), now: () => new Date(), monotonicMs: () => 0, sleep: async () => {} };
  const store = await openStore(folder);
  await ensureCertificates(store, hosts, now);
  const server = createServer({ cert: store.get(names.server), key: store.get(names.serverKey) }, (socket) =>
    socket.end('hello'),
  );
  t.teardown(() => server.close());
  server.on('tlsClientError', () => {});
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const meet = async (servername: string, ca?: string): Promise<string> => {
    const socket: TLSSocket = connect({
      port,
      host: '127.0.0.1',
      servername,
      ...(ca === undefined ? {} : { ca }),
    });
    try {
      await once(socket, 'secureConnect');
      return 'connected';
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      socket.destroy();
    }
  };
  t.equal(await meet('localhost', store.get(names.authority)), 'connected');
  t.equal(await meet('evil.example.org', store.get(names.authority)), 'ERR_TLS_CERT_ALTNAME_INVALID');
  t.not(await meet('localhost'), 'connected');
});

t.test('nothing is signed anew while all is well, and the authority never is', async (t) => {
  const { store, clock } = await madeFor(t);
  const before = store.names().map((name) => store.get(name));
  clock.advance(300 * DAY_MS);
  t.equal(await ensureCertificates(store, hosts, clock), false);
  t.equal(await ensureCertificates(store, hosts.slice(2), clock), false, 'fewer names are covered too');
  t.strictSame(
    store.names().map((name) => store.get(name)),
    before,
  );
});

t.test('it is renewed ninety days before its end, by the same authority', async (t) => {
  const { folder, store, clock } = await madeFor(t);
  const [authority, server] = [store.get(names.authority), store.get(names.server)];
  clock.advance((397 - 90) * DAY_MS - 1000);
  t.equal(await ensureCertificates(store, hosts, clock), false);
  clock.advance(2000);
  t.equal(await ensureCertificates(store, hosts, clock), true);
  t.equal(store.get(names.authority), authority);
  t.not(store.get(names.server), server);
  t.match(await verify(folder, store, ['-verify_hostname', 'localhost'], clock.now()), { code: 0 });
  t.equal(await ensureCertificates(store, hosts, clock), false);
});

t.test('a new name or address gets a new certificate', async (t) => {
  const { folder, store, clock } = await madeFor(t);
  for (const more of ['intranet.example.org', '192.0.2.99', '*.apps.example.org']) {
    t.equal(await ensureCertificates(store, [...hosts, more], clock), true, more);
    t.equal(await ensureCertificates(store, [...hosts, more], clock), false, `${more} is covered now`);
  }
  t.match(await verify(folder, store, ['-verify_hostname', 'pms.apps.example.org'], clock.now()), {
    code: 0,
  });
});

t.test('certificates for addresses alone work', async (t) => {
  const { folder, store, clock } = await madeFor(t, ['192.0.2.7']);
  t.match(await verify(folder, store, ['-verify_ip', '192.0.2.7'], clock.now()), { code: 0 });
});

t.test("a long host name makes a certificate that keeps X.509's limits", async (t) => {
  const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.example.org`;
  const { folder, store, clock } = await madeFor(t, [long]);
  t.match(await verify(folder, store, ['-verify_hostname', long], clock.now()), { code: 0 });
  for (const name of [names.authority, names.server]) {
    const common = /CN=(.*)/.exec(new X509Certificate(store.get(name)).subject)?.[1] ?? '';
    t.ok(common.length <= 64, `${common.length} characters`);
  }
});
