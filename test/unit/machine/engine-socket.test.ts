import t from 'tap';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectEngine } from '../../../src/machine/collectors/engine.ts';
import { readEngine } from '../../../src/machine/engine-socket.ts';
import type { EngineFacts } from '../../../src/machine/facts.ts';
import { createSource } from '../../../src/machine/source.ts';
import { healthyFacts } from './fixtures/healthy.ts';

const STATE = '/var/lib/onstead';

const docker: Record<string, unknown> = {
  '/version': {
    Version: '20.10.24+dfsg1',
    ApiVersion: '1.41',
    MinAPIVersion: '1.12',
    Arch: 'amd64',
    Components: [{ Name: 'Engine' }],
  },
  '/info': {
    Driver: 'overlay2',
    DriverStatus: [
      ['Backing Filesystem', 'extfs'],
      ['Supports d_type', 'true'],
    ],
    DockerRootDir: '/srv/docker',
    KernelVersion: '6.1.0',
    CgroupDriver: 'systemd',
    CgroupVersion: '2',
    MemoryLimit: true,
    CpuCfsQuota: true,
    PidsLimit: true,
    SecurityOptions: ['name=seccomp,profile=default', 'name=userns'],
    Swarm: { LocalNodeState: 'active' },
    HttpProxy: 'http://user:hunter2@proxy',
  },
  '/containers/json?all=1': [
    {
      Names: ['/notes-edge-1'],
      Image: 'edge',
      State: 'running',
      Labels: {
        'com.docker.compose.project': 'notes',
        'com.docker.compose.project.working_dir': `${STATE}/stack`,
      },
      Ports: [{ PublicPort: 443 }, { PublicPort: 443 }, { PrivatePort: 9 }],
    },
    {
      Names: ['/theirs'],
      State: 'exited',
      Labels: { 'com.docker.compose.project.working_dir': `${STATE}-not` },
    },
  ],
  '/networks': [
    {
      Name: 'bridge',
      Id: '9b54fc969a76d22dbfcf5a4c',
      Driver: 'bridge',
      IPAM: { Config: [{ Subnet: '172.17.0.0/16' }] },
      Options: { 'com.docker.network.driver.mtu': '1400' },
    },
    { Name: 'none', IPAM: { Config: null } },
  ],
};

/** A unix path has room for 107 characters only: the test's own folder may be longer. */
async function onSocket(
  answers: Record<string, unknown>,
  test: (socket: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'machine-'));
  const server: Server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    if (answer === undefined) return void response.writeHead(404).end();
    if (answer === 'hang') return;
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  const socket = join(folder, 'engine.sock');
  await once(server.listen(socket), 'listening');
  try {
    await test(socket);
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

t.test("an engine's answers become facts", async (t) => {
  await onSocket(docker, async (socket) => {
    const { problem, details } = await readEngine(socket, STATE);
    t.equal(problem, null);
    t.match(details, {
      version: '20.10.24+dfsg1',
      dataRoot: '/srv/docker',
      storageDriver: 'overlay2',
      dType: true,
      podman: false,
      snap: false,
      rootless: false,
      usernsRemap: true,
      swarm: true,
      memoryLimit: true,
    });
    t.strictSame(details?.networks[0], {
      name: 'bridge',
      subnets: ['172.17.0.0/16'],
      mtu: 1_400,
      bridge: 'br-9b54fc969a76',
    });
    t.equal(details?.networks[1]?.bridge, null);
    t.strictSame(
      details?.containers.map((one) => [one.name, one.running, one.ours, one.publishedPorts]),
      [
        ['notes-edge-1', true, true, [443]],
        ['theirs', false, false, []],
      ],
    );
    t.notMatch(JSON.stringify(details), /hunter2/, "a proxy's password is not collected");
  });
});

t.test('Podman and rootless engines and snaps are recognised', async (t) => {
  const podman = { ...docker, '/version': { Version: '5.2.0', Components: [{ Name: 'Podman Engine' }] } };
  await onSocket(podman, async (socket) => {
    t.equal((await readEngine(socket, STATE)).details?.podman, true);
  });
  const info = {
    DockerRootDir: '/var/snap/docker/common/var-lib-docker',
    SecurityOptions: ['name=rootless'],
  };
  await onSocket({ ...docker, '/info': info }, async (socket) => {
    t.match((await readEngine(socket, STATE)).details, {
      snap: true,
      rootless: true,
      dType: null,
      pidsLimit: false,
    });
  });
});

t.test('an engine that answers nonsense, errors or nothing is a finding with its reason', async (t) => {
  await onSocket({ ...docker, '/version': '<html>' }, async (socket) => {
    t.match((await readEngine(socket, STATE)).problem, { kind: 'strange', reason: /not JSON/ });
  });
  await onSocket({ '/version': {} }, async (socket) => {
    t.match((await readEngine(socket, STATE)).problem, { kind: 'strange', reason: /404/ });
  });
  await onSocket({ ...docker, '/info': 'hang' }, async (socket) => {
    t.match(await readEngine(socket, STATE, 100), { problem: { kind: 'silent' }, details: null });
  });
  const odd = { '/version': [], '/info': null, '/containers/json?all=1': [null, 7], '/networks': 'null' };
  await onSocket(odd, async (socket) => {
    t.match((await readEngine(socket, STATE)).details, {
      version: 'unknown',
      storageDriver: 'unknown',
      memoryLimit: false,
    });
  });
});

t.test('no socket, a dead socket and a file in its place are told apart', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'machine-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  t.match((await readEngine(join(folder, 'none.sock'), STATE)).problem, { kind: 'absent' });
  const dead = join(folder, 'dead.sock');
  const server = createNetServer();
  await once(server.listen(dead), 'listening');
  // Node removes the socket when it closes; a killed engine leaves it. A file refuses in the same way.
  server.close();
  writeFileSync(dead, '');
  t.match((await readEngine(dead, STATE)).problem, { kind: 'stopped' });
});

t.test('what sends the docker command elsewhere is named, without its address', async (t) => {
  const folder = t.testdir({ 'config.json': '{"auths":{},"currentContext":"rootless"}' });
  const saved = { ...process.env };
  t.teardown(() => (process.env = saved));
  process.env = { ...saved, DOCKER_HOST: 'ssh://user:hunter2@host', DOCKER_CONFIG: folder };
  delete process.env['DOCKER_CONTEXT'];
  const facts = healthyFacts().engine as EngineFacts;
  const context = { engine: async () => facts } as unknown as Parameters<typeof collectEngine>[1]; // asks for no more
  // Nothing but the configuration can be found here: no docker, no Compose.
  const source = { ...createSource(), which: async () => undefined, command: async () => undefined };
  const { redirects, cli, compose } = await collectEngine(source, context);
  t.strictSame(redirects, ['the variable DOCKER_HOST', `the context rootless in ${folder}/config.json`]);
  t.strictSame([cli, compose], [null, null]);
  process.env = {
    ...saved,
    DOCKER_HOST: 'unix:///var/run/docker.sock',
    DOCKER_CONFIG: t.testdirName + '/none',
  };
  t.strictSame((await collectEngine(source, context)).redirects, []);
});
