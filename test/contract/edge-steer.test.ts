// The edge told who answers, on a real nginx with people at work: nobody notices, and nothing is believed before nginx
// says so.

import { readFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { request } from 'node:https';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { writeFileAtomic } from '../../src/base/files.ts';
import { drainEdge, reloadEdge, settleEdge, steerEdge } from '../../src/stack/index.ts';
import { openEdgeLab } from './edge-lab.ts';

t.setTimeout(280_000);
const lab = await openEdgeLab();
t.teardown(() => lab.close());
const { signal } = new AbortController();
const upstreams = join(lab.stackFolder, 'config/nginx/upstreams.conf');

t.test('20 changes of who answers fail no request, and each counts from its return on', async (t) => {
  const servers = await lab.replicas();
  const load = lab.load();
  for (let round = 0; round < 20; round += 1) {
    const chosen = servers[round % 2]!;
    await steerEdge(lab.edge, { kind: 'listed', servers: [chosen] }, signal);
    const said = await hostsAnswering(5);
    t.equal(said.size, 1, `round ${round}: ${[...said].join(' ')}`);
  }
  await settleEdge(lab.edge, servers, signal);
  const seen = await load.stop();
  t.strictSame(seen.failures, []);
  t.ok(
    seen.answered > 500 && seen.posted > 200,
    `${seen.answered} answers, ${seen.posted} of them to a POST`,
  );
  t.equal(seen.hosts.length, 2);
  t.match(await readFile(upstreams, 'utf8'), /server app:3000 resolve/);
});

t.test('a client that would speak HTTP/2 is answered by what a reload does not send away', async (t) => {
  const offered = { ALPNProtocols: ['h2', 'http/1.1'], rejectUnauthorized: false };
  const socket = connect({ host: '127.0.0.1', port: lab.httpsPort, ...offered });
  await once(socket, 'secureConnect');
  t.equal(socket.alpnProtocol, 'http/1.1');
  socket.destroy();
});

t.test('the edge is drained when no worker of before serves anybody, and not while one does', async (t) => {
  const [one, other] = await lab.replicas();
  await steerEdge(lab.edge, { kind: 'listed', servers: [one!] }, signal);
  await drainEdge(lab.edge, 30_000, signal);
  const download = get('/slow?pieces=60');
  await once(download, 'response');
  await steerEdge(lab.edge, { kind: 'listed', servers: [other!] }, signal);
  t.equal(await drainEdge(lab.edge, 500, signal), false, 'a download is under way');
  t.equal(await drainEdge(lab.edge, 30_000, signal), true);
});

t.test('a download and a websocket that are under way go on over a reload', async (t) => {
  const [one, other] = await lab.replicas();
  const download = get('/slow?pieces=80');
  const whole = once(download, 'response').then(async ([answer]) => (await text(answer)).length);
  const socket = await openWebsocket();
  t.equal(await socket.say('before'), 'before');
  await steerEdge(lab.edge, { kind: 'listed', servers: [one!] }, signal);
  await steerEdge(lab.edge, { kind: 'listed', servers: [other!] }, signal);
  t.equal(await socket.say('after'), 'after');
  t.equal(await whole, 80_000);
  t.equal(await socket.say('later'), 'later');
  socket.end();
});

t.test('a configuration that nginx cannot read is refused, and nothing is changed', async (t) => {
  const before = await readFile(upstreams, 'utf8');
  const servers = [{ address: 'not an address', port: 3000, weight: 1 }];
  const load = lab.load();
  await t.rejects(steerEdge(lab.edge, { kind: 'listed', servers }, signal), {
    code: 'edge.refused',
    message: /upstreams\.conf/,
    next: /Nothing was changed/,
  });
  t.equal(await readFile(upstreams, 'utf8'), before);
  t.strictSame((await load.stop()).failures, []);
});

t.test(
  'a reload that nginx never takes up is an error in time, and requests are answered as before',
  async (t) => {
    const [one] = await lab.replicas();
    const [nginx] = await lab.engine.containers.list({ project: lab.edge.project, service: 'nginx' });
    const load = lab.load();
    await lab.engine.containers.kill(nginx!.id, 'SIGSTOP'); // its master alone: workers go on
    await t.rejects(
      steerEdge({ ...lab.edge, takenWithinMs: 2_000 }, { kind: 'joining', servers: [one!] }, signal),
      { code: 'edge.not-taken', next: /onstead logs nginx/ },
    );
    await lab.engine.containers.kill(nginx!.id, 'SIGCONT');
    await steerEdge(lab.edge, { kind: 'listed', servers: [one!] }, signal);
    t.strictSame((await load.stop()).failures, []);
    t.equal((await hostsAnswering(5)).size, 1);
  },
);

t.test('renewed certificates are served from then on, and no request fails', async (t) => {
  await settleEdge(lab.edge, await lab.replicas(), signal);
  const load = lab.load();
  const seen = new Set([await certificate()]);
  for (let round = 0; round < 5; round += 1) {
    await lab.renewCertificate();
    await reloadEdge(lab.edge, signal);
    seen.add(await certificate());
  }
  t.equal(seen.size, 6);
  t.strictSame((await load.stop()).failures, []);
});

t.test('a reload that nginx refuses is an error in time, and it goes on as it was', async (t) => {
  const before = await certificate();
  await writeFileAtomic(join(lab.secretsFolder, 'edge.crt'), 'no certificate', { mode: 0o444 });
  await t.rejects(reloadEdge({ ...lab.edge, takenWithinMs: 2_000 }, signal), { code: 'edge.not-taken' });
  t.equal(await certificate(), before);
});

function get(path: string) {
  const asked = request({
    host: '127.0.0.1',
    port: lab.httpsPort,
    path,
    agent: false,
    rejectUnauthorized: false,
  });
  asked.end();
  return asked;
}

async function hostsAnswering(times: number): Promise<Set<string>> {
  const all = await Promise.all(
    Array.from({ length: times }, async () => {
      const [answer] = await once(get('/'), 'response');
      return (JSON.parse(await text(answer)) as { host: string }).host;
    }),
  );
  return new Set(all);
}

async function certificate(): Promise<string> {
  const socket = connect({ port: lab.httpsPort, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

async function openWebsocket() {
  const asked = request({
    host: '127.0.0.1',
    port: lab.httpsPort,
    agent: false,
    rejectUnauthorized: false,
    headers: { connection: 'Upgrade', upgrade: 'echo' },
  });
  asked.end();
  const [, socket] = await once(asked, 'upgrade');
  return {
    async say(word: string): Promise<string> {
      socket.write(word);
      const [said] = await once(socket, 'data', { signal: AbortSignal.timeout(10_000) });
      return String(said);
    },
    end: () => socket.destroy(),
  };
}
