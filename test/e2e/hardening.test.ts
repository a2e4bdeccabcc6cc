// What an intruder inside one container finds: no root, no capability, nothing to write, no other service's secret,
// no way out, and no way to a service that is not a neighbour. Looked at from within the running containers.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import t, { type Test } from 'tap';
import { parseDocument } from 'yaml';
import { TestAppliance, runCommand } from './appliance.ts';
import { demoBundle } from './demo-bundle.ts';

t.setTimeout(600_000);

/** Two services that Onstead knows nothing about: one that says nothing, and one that asks for what it may not have. */
function withCarried(text: string): string {
  const document = parseDocument(text);
  const image = document.getIn(['services', 'nginx', 'image']);
  const healthcheck = { disable: true }; // of the image, for what it does not do here
  document.setIn(['services', 'plain'], { image, command: ['sleep', '1000000'], init: true, healthcheck });
  document.setIn(['services', 'bold'], {
    ...{ image, command: ['sleep', '1000000'], init: true, healthcheck, user: '101:101' },
    ...{ ports: ['18080:80'], logging: { driver: 'none' } },
    container_name: 'bold-name',
  });
  return document.toString({ lineWidth: 0 });
}

const bundle = await demoBundle('1.0.0', withCarried);
const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
t.teardown(() => appliance.remove());
await appliance.start();
const installed = await appliance.onstead(['install', bundle.path]);
if (installed.code !== 0) throw new Error(installed.stdout + installed.stderr);

interface Inspected {
  readonly Name: string;
  readonly State: { readonly Pid: number; readonly Health?: { readonly Status: string } };
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Labels: Record<string, string>;
  };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly Privileged: boolean;
    readonly CapDrop: readonly string[] | null;
    readonly CapAdd: readonly string[] | null;
    readonly SecurityOpt: readonly string[] | null;
    readonly PidsLimit: number | null;
    readonly Memory: number;
    readonly MemorySwap: number;
    readonly NanoCpus: number;
    readonly RestartPolicy: { readonly Name: string };
    readonly LogConfig: { readonly Type: string; readonly Config: Record<string, string> };
    readonly PortBindings: Record<string, readonly { HostIp: string; HostPort: string }[]> | null;
    readonly PidMode: string;
    readonly IpcMode: string;
  };
  readonly Mounts: readonly {
    readonly Type: string;
    readonly Source: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
  readonly NetworkSettings: { readonly Networks: Record<string, { readonly IPAddress: string }> };
}

interface Container extends Inspected {
  readonly id: string;
  readonly service: string;
  readonly role: string;
}

const containers = await Promise.all(
  (await appliance.engine.containers.list({ project: appliance.project })).map(async ({ id }) => {
    const [found] = JSON.parse((await runCommand('docker', ['inspect', id])).stdout) as [Inspected];
    const { Labels } = found.Config;
    const service = Labels['com.docker.compose.service']!;
    return { ...found, id, service, role: Labels['onstead.role'] ?? '' } satisfies Container;
  }),
);
const known = containers.filter(({ role }) => role !== 'carried');
const carried = containers.filter(({ role }) => role === 'carried');
const one = (service: string): Container => containers.find((each) => each.service === service)!;

async function inside(container: Container, command: string, user?: string) {
  const as = user === undefined ? [] : ['--user', user];
  return runCommand('docker', ['exec', ...as, container.id, 'sh', '-c', command]);
}

/** Tries to open a connection from inside a container's network, with this machine's own program. */
async function reaches(from: Container, host: string, port: number): Promise<string> {
  const words = ['-t', String(from.State.Pid), '-n', '--', process.execPath, '-e', connectScript(host, port)];
  return (await runCommand('nsenter', words)).stdout.trim();
}

function connectScript(host: string, port: number): string {
  return `const s = require('node:net').connect({ host: ${JSON.stringify(host)}, port: ${port}, timeout: 2000 });
    const end = (word) => { console.log(word); process.exit(); };
    s.on('connect', () => end('connected')).on('timeout', () => end('timeout')).on('error', (e) => end(e.code));`;
}

function addressOf(container: Container, network: string): string {
  return container.NetworkSettings.Networks[`${appliance.project}_${network}`]?.IPAddress ?? '';
}

t.test('the stack has a container of every role', async (t) => {
  const roles = new Set(containers.map(({ role }) => role));
  t.strictSame([...roles].toSorted(), ['app', 'carried', 'edge', 'minio', 'mysql', 'nginx', 'redis']);
  t.equal(carried.length, 2);
});

for (const container of known) {
  t.test(`${container.Name.slice(1)} has no more rights than it needs`, async (t) => {
    const host = container.HostConfig;
    t.match(container.Config.User, /^[1-9]\d*:[1-9]\d*$/, 'a user in numbers that is not root');
    t.equal(host.ReadonlyRootfs, true, 'read-only root');
    t.equal(host.Privileged, false);
    t.strictSame(host.CapDrop, ['ALL'], 'every capability dropped');
    t.strictSame(host.CapAdd ?? [], [], 'none given back');
    t.match(host.SecurityOpt, ['no-new-privileges:true']);
    t.ok((host.PidsLimit ?? 0) > 0 && host.PidsLimit! <= 1024, `pids limit ${host.PidsLimit}`);
    t.ok(host.Memory > 0, 'memory limit');
    t.ok(host.NanoCpus > 0, 'CPU limit');
    t.equal(host.RestartPolicy.Name, 'unless-stopped');
    t.equal(host.LogConfig.Type, 'local');
    t.match(host.LogConfig.Config, { 'max-size': /^\d+m$/, 'max-file': /^\d$/ }, 'logs rotate');
    t.strictSame([host.PidMode, host.IpcMode], ['', 'private'], 'namespaces of its own');
    if (container.role !== 'edge') t.equal(container.State.Health?.Status, 'healthy', 'a health check');

    const { stdout: status } = await inside(container, 'cat /proc/1/status');
    t.match(status, /^Uid:\t[1-9]\d*\t[1-9]\d*\t[1-9]\d*\t[1-9]\d*$/m, 'the first process is not root');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      t.match(status, new RegExp(`^${set}:\t0+$`, 'm'), `${set} is empty`);
    t.match(status, /^NoNewPrivs:\t1$/m);
    t.match(status, /^Seccomp:\t2$/m, "the engine's filter of system calls is on");
  });

  t.test(`${container.Name.slice(1)} can write to memory and its own data alone`, async (t) => {
    const mounts = new Set(container.Mounts.filter(({ RW }) => RW).map(({ Type }) => Type));
    mounts.delete('volume');
    mounts.delete('tmpfs');
    t.equal(mounts.size, 0, `nothing of this machine is mounted writable: ${[...mounts].join()}`);
    for (const folder of ['/', '/etc', '/usr/bin', '/root', '/var', '/opt']) {
      const { code, stderr } = await inside(container, `echo x > ${folder}/intruder`, '0:0');
      t.not(code, 0, folder);
      t.match(stderr, /read-only file system|can't create|cannot create|permission denied/i, folder);
    }
    const { stdout } = await inside(container, 'cat /proc/self/mounts');
    const writable = stdout
      .split('\n')
      .map((line) => line.split(' '))
      .filter(
        ([, , kind, options]) =>
          /(^|,)rw(,|$)/.test(options ?? '') && !/^(proc|devpts|mqueue|cgroup2?|sysfs)$/.test(kind!),
      )
      .filter(
        ([, place]) =>
          !/^\/(dev|proc|sys)(\/|$)/.test(place!) && !/^\/etc\/(resolv\.conf|hostname|hosts)$/.test(place!),
      );
    const volumes = container.Mounts.filter(({ Type }) => Type === 'volume').map(
      ({ Destination }) => Destination,
    );
    for (const [, place, kind] of writable)
      t.ok(kind === 'tmpfs' || volumes.includes(place!), `${place} (${kind}) is memory or a data volume`);
  });

  t.test(`${container.Name.slice(1)} sees its own secrets and no others`, async (t) => {
    const secrets = container.Mounts.filter(({ Destination }) => Destination === '/run/secrets');
    if (container.role === 'edge') {
      t.equal(secrets.length, 0, 'the holder has none');
      return;
    }
    t.match(secrets, [{ Source: `${appliance.paths.unsealed}/${container.service}`, RW: false }]);
    const { stdout } = await inside(container, 'stat -L -c "%u %a %n" /run/secrets /run/secrets/*');
    const uid = container.Config.User.split(':')[0];
    for (const line of stdout.trim().split('\n'))
      t.match(line, new RegExp(`^${uid} (400|500) `), `${line}: for its own user alone`);
    t.notMatch(stdout, /authority|ca\.key/, "the authority's key is in no container");
    const other = await inside(container, 'cat /run/secrets/* >/dev/null', '12345:12345');
    t.not(other.code, 0, 'another user inside reads none');
  });
}

t.test('no container is told a secret by its environment', async (t) => {
  for (const { Config, Name } of containers) {
    for (const entry of Config.Env) {
      const [name, value = ''] = entry.split('=');
      if (/PASSWORD|SECRET|KEY|TOKEN/i.test(name!)) t.match(value, /^\/run\/secrets\//, `${Name} ${name}`);
    }
    const { stdout } = await inside(
      containers.find((each) => each.Name === Name)!,
      'tr "\\0" "\\n" < /proc/1/environ',
    );
    t.notMatch(stdout, /[0-9a-f]{64}/, `${Name}: nothing that looks like a generated secret`);
  }
});

t.test('each service has the memory that sizing gave it, and never swaps', async (t) => {
  const { stdout } = await appliance.onstead(['services', '--json']);
  t.ok(stdout.length > 0);
  let sum = 0;
  for (const { HostConfig } of containers) {
    t.equal(
      HostConfig.MemorySwap,
      HostConfig.Memory === 16 * 1024 * 1024 ? HostConfig.MemorySwap : HostConfig.Memory,
    );
    sum += HostConfig.Memory;
  }
  t.ok(sum <= 5 * 1024 ** 3, `${Math.round(sum / 1024 ** 2)} MiB in all, of the 5 GiB that were allowed`);
});

t.test('the two ports of the edge are the only ones that are published', async (t) => {
  const published = containers.flatMap(({ service, HostConfig }) =>
    Object.values(HostConfig.PortBindings ?? {}).flatMap((bindings) =>
      bindings.map(({ HostPort }) => `${service} ${HostPort}`),
    ),
  );
  t.strictSame(
    published.toSorted(),
    [`onstead-edge ${appliance.httpPort}`, `onstead-edge ${appliance.httpsPort}`].toSorted(),
  );
});

t.test('services that Onstead knows nothing about are fenced all the same', async (t) => {
  for (const { HostConfig: host, Name } of carried) {
    t.strictSame(host.PortBindings ?? {}, {}, `${Name}: no port`);
    t.match(host.SecurityOpt, ['no-new-privileges:true'], Name);
    t.equal(host.LogConfig.Type, 'local', `${Name}: logs are kept and rotated`);
    t.ok(host.Memory > 0 && host.NanoCpus > 0 && (host.PidsLimit ?? 0) > 0, `${Name}: limits`);
    t.equal(host.Privileged, false, Name);
    t.equal(host.RestartPolicy.Name, 'unless-stopped', Name);
    t.match(Name, new RegExp(`^/${appliance.project}-`), 'a name inside the project');
  }
});

const INSIDERS = ['app', 'mysql', 'redis', 'minio', 'plain', 'bold'] as const;
const OUTSIDE_PORT = 443;

/** A host in another network that this machine routes to, with a server on it. */
async function makeOutside(t: Test): Promise<string> {
  const script = `require('node:net').createServer((s) => s.end()).listen(${OUTSIDE_PORT}, () => console.log('up'))`;
  const host = spawn('unshare', ['--net', process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => host.kill('SIGKILL')); // its network goes with it
  await new Promise((resolve) => host.stdout.once('data', resolve));
  const inside = ['nsenter', '-t', String(host.pid), '-n', 'ip'];
  for (const words of [
    ['ip', 'link', 'add', 'ons-outside', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(host.pid)],
    ['ip', 'address', 'add', '198.51.100.1/30', 'dev', 'ons-outside'],
    ['ip', 'link', 'set', 'ons-outside', 'up'],
    [...inside, 'address', 'add', '198.51.100.2/30', 'dev', 'eth0'],
    [...inside, 'link', 'set', 'eth0', 'up'],
  ]) {
    const { code, stderr } = await runCommand(words[0]!, words.slice(1));
    if (code !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  }
  return '198.51.100.2';
}

t.test('nobody gets out, and the data services are no neighbours of nginx', async (t) => {
  const outside = await makeOutside(t);
  for (const name of ['front', 'data']) {
    const words = ['network', 'inspect', `${appliance.project}_${name}`, '--format', '{{.Internal}}'];
    t.equal((await runCommand('docker', words)).stdout.trim(), 'true', `${name} is internal`);
  }
  const machine = await runCommand(process.execPath, ['-e', connectScript(outside, OUTSIDE_PORT)]);
  t.equal(machine.stdout.trim(), 'connected', 'there is something to be reached');

  const app = one('app');
  t.equal(
    await reaches(app, addressOf(one('mysql'), 'data'), 3306),
    'connected',
    'the app reaches its database',
  );
  for (const service of [...INSIDERS, 'onstead-edge']) {
    const answer = await reaches(one(service), outside, OUTSIDE_PORT);
    t.not(answer, 'connected', `${service} → a host outside: ${answer}`);
  }

  const edge = one('onstead-edge');
  t.equal(await reaches(edge, addressOf(app, 'front'), 3000), 'connected', 'the edge reaches the app');
  for (const [service, servicePort] of [
    ['mysql', 3306],
    ['redis', 6379],
    ['minio', 9000],
  ] as const) {
    t.equal(addressOf(one(service), 'front'), '', `${service} is not in the front network`);
    const answer = await reaches(edge, addressOf(one(service), 'data'), servicePort);
    t.not(answer, 'connected', `the edge → ${service}`);
  }
});

t.test('nobody but the edge reaches this machine itself, whatever listens on it', async (t) => {
  const listener = createServer((socket) => socket.on('error', () => {}).end()).listen(0, '0.0.0.0');
  t.teardown(() => listener.close());
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const own = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  // The edge's published ports need a bridge with an address of this machine.
  const edge = one('onstead-edge');
  const reached = await Promise.all((await gatewaysOf(edge)).map((gateway) => reaches(edge, gateway, port)));
  t.ok(reached.includes('connected'), `there is something to be reached: ${reached.join(', ')}`);
  for (const service of INSIDERS) {
    const from = one(service);
    const targets = [...new Set([...(await gatewaysOf(from)), ...own])];
    const answers = await Promise.all(targets.map((address) => reaches(from, address, port)));
    targets.forEach((address, at) =>
      t.not(answers[at], 'connected', `${service} → ${address}: ${answers[at]}`),
    );
  }
});

/** Where this machine would stand in each network of the container: the first address of the subnet. */
async function gatewaysOf(container: Container): Promise<string[]> {
  const names = Object.keys(container.NetworkSettings.Networks);
  const { stdout } = await runCommand('docker', ['network', 'inspect', ...names]);
  const networks = JSON.parse(stdout) as { IPAM: { Config: { Subnet: string }[] } }[];
  return networks.flatMap(({ IPAM }) =>
    IPAM.Config.map(({ Subnet }) => Subnet.replace(/\d+\/\d+$/, (end) => String(Number.parseInt(end) + 1))),
  );
}
