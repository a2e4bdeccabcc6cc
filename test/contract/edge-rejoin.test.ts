// A machine that went down while the edge named replicas by address: they come back with other addresses, and are found.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { run } from '../../src/base/process.ts';
import { parseRelease } from '../../src/release/index.ts';
import { raiseStack, rejoinEdge, steerEdge } from '../../src/stack/index.ts';
import { changeEdge } from '../../src/stack/edge/steer.ts';
import { askingFirst } from '../../src/stack/edge/upstreams.ts';
import { releaseWith } from '../unit/stack/lab.ts';
import { openEdgeLab } from './edge-lab.ts';
import { until } from './engine-lab.ts';
import { demoImage } from './stack-lab.ts';

t.setTimeout(280_000);
const lab = await openEdgeLab();
t.teardown(() => lab.close());
const { edge, engine, stackFolder } = lab;
const { signal } = new AbortController();
const image = await demoImage('nginx');
const upstreams = join(stackFolder, 'config/nginx/upstreams.conf');
const release = parseRelease(releaseWith(''), 'compose.yaml');
const rejoin = () => rejoinEdge({ engine, release, stackFolder, project: async () => edge.project });

async function idsOf(service: string): Promise<string[]> {
  return (await engine.containers.list({ project: edge.project, service })).map(({ id }) => id);
}

/** The app goes down, and strangers take its addresses before it is back. */
async function moveReplicas(): Promise<void> {
  const before = await lab.replicas();
  for (const id of await idsOf('app')) await engine.containers.stop(id, { timeoutSeconds: 1 });
  const label = `com.docker.compose.project=${edge.project}`; // goes when the lab is closed
  for (const _ of before) {
    const options = ['--detach', '--label', label, '--network', `${edge.project}_front`];
    await run('docker', ['run', ...options, '--entrypoint', 'sleep', image, 'infinity']);
  }
}

async function answers(): Promise<number> {
  const asked = request({ host: '127.0.0.1', port: lab.httpsPort, agent: false, rejectUnauthorized: false });
  asked.end();
  const [answer] = await once(asked, 'response');
  await text(answer);
  return answer.statusCode as number;
}

t.test('replicas that are where the edge names them are left in peace', async (t) => {
  t.equal(await rejoin(), false, 'it goes by the name');
  await steerEdge(edge, { kind: 'listed', servers: await lab.replicas() }, signal);
  const before = await readFile(upstreams, 'utf8');
  t.equal(await rejoin(), false);
  t.equal(await readFile(upstreams, 'utf8'), before);
});

t.test('after everything was down, the replicas are found under their new addresses', async (t) => {
  const before = (await lab.replicas()).map(({ address }) => address);
  await moveReplicas();
  for (const service of ['nginx', 'onstead-edge'])
    for (const id of await idsOf(service)) await engine.containers.stop(id, { timeoutSeconds: 5 });
  t.equal(await rejoin(), true);
  t.match(await readFile(upstreams, 'utf8'), /server app:3000 resolve/);
  await raiseStack(lab.compose, { isWhole: false });
  const after = (await lab.replicas()).map(({ address }) => address);
  t.notOk(
    after.some((address) => before.includes(address)),
    `${before.join(' ')} became ${after.join(' ')}`,
  );
  await until('an answer', async () => ((await answers().catch(() => 0)) === 200 ? true : undefined), 30_000);
});

t.test('an edge that came back before is told', async (t) => {
  await steerEdge(edge, { kind: 'listed', servers: await lab.replicas() }, signal);
  await moveReplicas();
  await lab.compose.start({ services: ['app'] });
  t.equal(await rejoin(), true);
  await until('an answer', async () => ((await answers().catch(() => 0)) === 200 ? true : undefined), 30_000);
});

t.test('a replica that nobody was sent to is nobody, also where it has the address of another', async (t) => {
  const [one, other] = await lab.replicas();
  await steerEdge(edge, { kind: 'listed', servers: [one!] }, signal);
  for (const id of await idsOf('app')) await engine.containers.stop(id, { timeoutSeconds: 1 });
  // The engine gives out addresses as containers come.
  for (const { replica } of [other!, one!].toSorted((a, b) => (a.address < b.address ? 1 : -1)))
    await engine.containers.start(replica!);
  const now = await lab.replicas();
  const mine = now.find(({ replica }) => replica === one!.replica)!;
  t.comment(`${one!.address} is ${now.find(({ address }) => address === one!.address)?.replica} now`);
  await rejoin();
  const text = await readFile(upstreams, 'utf8');
  t.match(text, `server ${mine.address}:3000 `);
  t.equal([...text.matchAll(/^ {2}server /gm)].length, 1, 'and nobody else is named');
  t.equal(await rejoin(), false);
  await until('an answer', async () => ((await answers().catch(() => 0)) === 200 ? true : undefined), 30_000);
});

t.test('an edge that asks a hold server that is gone asks no more', async (t) => {
  await changeEdge(edge, (before, conf) => askingFirst(before, conf, 60), signal);
  t.match(await readFile(upstreams, 'utf8'), /auth_request/);
  t.equal(await rejoin(), true);
  t.notMatch(await readFile(upstreams, 'utf8'), /auth_request/);
  t.equal(await answers(), 200);
});
