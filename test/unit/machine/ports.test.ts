import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { collectPorts } from '../../../src/machine/collectors/ports.ts';
import type { EngineContainer, EngineFacts } from '../../../src/machine/facts.ts';
import { createSource } from '../../../src/machine/source.ts';
import { healthyFacts } from './fixtures/healthy.ts';
import { buildTree } from './fixtures/tree.ts';

const listen = (hexPort: string, inode: number): string =>
  `   0: 00000000:${hexPort} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0\n`;
const ID = '0123456789abcdef'.repeat(4);
const edge: EngineContainer = {
  id: ID,
  name: 'notes-edge-1',
  image: 'edge',
  running: true,
  project: 'notes',
  ours: true,
  publishedPorts: [443],
};

function contextWith(containers: EngineContainer[]): Parameters<typeof collectPorts>[1] {
  const facts = healthyFacts().engine;
  facts.details!.containers = containers;
  return { paths: pathsUnder('/'), ports: [80, 443], engine: async () => facts as EngineFacts };
}

t.test('a free port is free', async (t) => {
  const source = createSource(buildTree(t.testdir(), { '/proc/net/tcp': listen('1F90', 5) }));
  const { ports } = await collectPorts(source, contextWith([]));
  t.strictSame(ports, [
    { port: 80, free: true, holders: [] },
    { port: 443, free: true, holders: [] },
  ]);
});

t.test('the program that holds a port is named', async (t) => {
  const root = buildTree(
    t.testdir(),
    { '/proc/net/tcp': listen('0050', 1589), '/proc/812/comm': 'apache2\n', '/proc/813/comm': 'other\n' },
    {
      '/proc/812/fd/4': 'socket:[1589]',
      '/proc/812/fd/5': '/dev/null',
      '/proc/813/fd/4': 'socket:[1]',
      '/proc/812/exe': '/usr/sbin/apache2',
    },
  );
  const { ports } = await collectPorts(createSource(root), contextWith([]));
  t.strictSame(ports[0], {
    port: 80,
    free: false,
    holders: [
      {
        address: '0.0.0.0',
        pid: 812,
        program: 'apache2',
        ...{ script: null, unit: null, container: null },
        ours: false,
      },
    ],
  });
  t.equal(ports[1]?.free, true);
});

t.test('behind docker-proxy the container is named, and our own is ours', async (t) => {
  const root = buildTree(
    t.testdir(),
    { '/proc/net/tcp': listen('01BB', 7), '/proc/99/comm': 'docker-proxy\n' },
    { '/proc/99/fd/4': 'socket:[7]' },
  );
  const mine = await collectPorts(createSource(root), contextWith([edge]));
  t.match(mine.ports[1]?.holders[0], {
    pid: 99,
    program: 'docker-proxy',
    container: 'notes-edge-1',
    ours: true,
  });
  const other = await collectPorts(
    createSource(root),
    contextWith([{ ...edge, name: 'traefik', ours: false }]),
  );
  t.match(other.ports[1]?.holders[0], { container: 'traefik', ours: false });
});

t.test('a port that is published without a proxy is taken although nobody listens', async (t) => {
  const source = createSource(buildTree(t.testdir(), { '/proc/net/tcp': '' }));
  const { ports } = await collectPorts(source, contextWith([{ ...edge, ours: false, name: 'traefik' }]));
  t.equal(ports[1]?.free, false);
  t.match(ports[1]?.holders, [{ pid: null, container: 'traefik' }]);
  const stopped = await collectPorts(source, contextWith([{ ...edge, running: false }]));
  t.equal(stopped.ports[1]?.free, true);
});

t.test('a program of our own is ours', async (t) => {
  const root = buildTree(
    t.testdir(),
    { '/proc/net/tcp': '', '/proc/net/tcp6': listen('0050', 7), '/proc/99/comm': 'node\n' },
    { '/proc/99/fd/4': 'socket:[7]', '/proc/99/exe': '/opt/onstead/1.0.0/node' },
  );
  const { ports } = await collectPorts(createSource(root), contextWith([]));
  t.match(ports[0]?.holders, [{ program: 'node', ours: true }]);
});

t.test('without /proc/net/tcp nothing is called free', async (t) => {
  await t.rejects(collectPorts(createSource(t.testdir()), contextWith([])), /cannot be read/);
});

t.test('a program is known by its file, and an interpreter by what it runs', async (t) => {
  const holderOf = async (files: Record<string, string>, exe: string) => {
    const all = { '/proc/net/tcp': listen('0050', 7), '/proc/99/comm': 'MainThread\n', ...files };
    const root = buildTree(t.testdir(), all, { '/proc/99/fd/4': 'socket:[7]', '/proc/99/exe': exe });
    const { ports } = await collectPorts(
      createSource(root),
      contextWith([{ ...edge, name: 'proxy', ours: false }]),
    );
    return ports[0]?.holders[0];
  };
  const cmdline = (...words: string[]): Record<string, string> => ({
    '/proc/99/cmdline': `${words.join('\0')}\0`,
  });
  t.match(
    await holderOf(cmdline('node', '--inspect', '/srv/shop/app.js', '--key=hunter2'), '/usr/bin/node'),
    {
      program: 'node',
      script: '/srv/shop/app.js',
      unit: null,
    },
  );
  t.match(await holderOf(cmdline('python3', '-m', 'http.server', '80'), '/usr/bin/python3.11'), {
    program: 'python3.11',
    script: 'http.server',
  });
  const code = cmdline('node', '-e', 'listen("hunter2")');
  t.match(await holderOf(code, '/usr/bin/node'), { program: 'node', script: null }, 'code is not shown');
  const nginx = {
    '/proc/99/cgroup': '0::/system.slice/nginx.service\n',
    ...cmdline('nginx: master process nginx'),
  };
  t.match(await holderOf(nginx, '/usr/sbin/nginx (deleted)'), { program: 'nginx', unit: 'nginx.service' });
  const old = { '/proc/99/cgroup': '4:memory:/user.slice\n1:name=systemd:/system.slice/apache2.service\n' };
  t.match(await holderOf(old, '/usr/sbin/apache2'), { unit: 'apache2.service' });
  const engines = { '/proc/99/cgroup': '0::/system.slice/docker.service\n' };
  t.match(
    await holderOf(engines, '/usr/bin/docker-proxy'),
    { unit: null },
    'the engine is not to be stopped',
  );
  const inside = { '/proc/99/cgroup': `0::/system.slice/docker-${ID}.scope\n` };
  t.match(
    await holderOf(inside, '/usr/bin/caddy'),
    { program: 'caddy', container: 'proxy' },
    "a container in the machine's own network",
  );
});

t.test('what could not be seen is told only where it was what was looked for', async (t) => {
  const root = buildTree(
    t.testdir(),
    { '/proc/net/tcp': listen('0050', 1589), '/proc/811/comm': 'closed\n', '/proc/812/comm': 'apache2\n' },
    { '/proc/812/fd/4': 'socket:[1589]', '/proc/812/exe': '/usr/sbin/apache2' },
  );
  const unseenWhere = async (closed: string): Promise<readonly string[]> => {
    const source = createSource(root);
    const list = async (path: string): Promise<readonly string[]> => {
      if (path !== `/proc/${closed}/fd`) return source.list(path);
      source.unseen.push(`${path} may not be read`);
      return [];
    };
    await collectPorts({ ...source, list }, contextWith([]));
    return source.unseen;
  };
  t.strictSame(await unseenWhere('811'), []);
  t.match(await unseenWhere('812'), [/^Which program holds a port is/]);
});
