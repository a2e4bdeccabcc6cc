// What an intruder inside one container finds: no root, no capability, nothing to write, no other service's secret,
// no way out, and no way to a service that is not a neighbour. Looked at from within the running containers.

import { networkInterfaces } from 'node:os';
import t from 'tap';
import { parseDocument } from 'yaml';
import { systemClock } from '../../src/base/clock.ts';
import { readFact } from '../../src/deploy/index.ts';
import { Journal, openDatabase } from '../../src/journal/index.ts';
import { holderName } from '../../src/stack/index.ts';
import { TestAppliance, runCommand } from './appliance.ts';
import { demoBundle } from './demo-bundle.ts';
import { secretPieces } from './told-secrets.ts';
import { finds, hears, outsideHost, reaches, speaker } from './reach.ts';

t.setTimeout(600_000);

/** Services that Onstead knows nothing about: one says nothing, one asks for what it may not have, one for a way out. */
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
  document.setIn(['services', 'mailer'], {
    ...{ image, command: ['sleep', '1000000'], init: true, healthcheck },
    'x-onstead': { outbound: true },
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
    readonly Dns: readonly string[] | null;
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

const placeOf = (service: string): number => one(service).State.Pid;

function addressOf(container: Container, network: string): string {
  return container.NetworkSettings.Networks[`${appliance.project}_${network}`]?.IPAddress ?? '';
}

t.test('the stack has a container of every role', async (t) => {
  const roles = new Set(containers.map(({ role }) => role));
  t.strictSame([...roles].toSorted(), ['app', 'carried', 'edge', 'minio', 'mysql', 'nginx', 'redis']);
  t.equal(carried.length, 3);
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
    t.match(stdout, / \/proc /, 'its mounts were read');
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
    t.match(other.stderr, /permission denied/i, 'another user inside reads none');
  });
}

/** They write their title over the environment that they began with. */
const TITLED = ['nginx', 'redis'];

t.test('no container is told a secret by its environment', async (t) => {
  const pieces = await secretPieces(appliance);
  t.ok(pieces.length >= 6);
  for (const container of containers) {
    const { Config, Name, service } = container;
    for (const entry of Config.Env) {
      const [name, value = ''] = entry.split('=');
      if (/PASSWORD|SECRET|KEY|TOKEN/i.test(name!)) t.match(value, /^\/run\/secrets\//, `${Name} ${name}`);
    }
    const read = await inside(container, 'tr "\\0" "\\n" < /proc/1/environ');
    t.equal(read.code, 0, `${Name}: ${read.stderr}`);
    if (!TITLED.includes(service)) t.match(read.stdout, /^PATH=/m, `${Name}: its environment was read`);
    const told = Config.Env.join('\n') + read.stdout;
    t.notMatch(told, /[0-9a-f]{64}/, `${Name}: nothing that looks like a generated secret`);
    t.notOk(
      pieces.some((piece) => told.includes(piece)),
      `${Name}: and none of the secrets`,
    );
  }
});

t.test('each service has the memory and the CPU that sizing gave it, and never swaps', async (t) => {
  const db = openDatabase(appliance.paths.database);
  t.teardown(() => db.close());
  const plan = readFact(new Journal(db, systemClock), 'sizing')!;
  const sized = plan.services.map(({ name }) => name);
  t.strictSame(
    sized.toSorted(),
    [...new Set(containers.map(({ service }) => service))].filter((name) => name !== holderName).toSorted(),
    'every service but the holder is in the plan',
  );
  let sum = 0;
  for (const { name, replicas, memoryLimitBytes, cpuLimit } of plan.services) {
    const own = containers.filter(({ service }) => service === name);
    t.equal(own.length, replicas, `${name}: replicas`);
    for (const { Name, HostConfig } of own) {
      t.equal(HostConfig.Memory, memoryLimitBytes, `${Name}: memory`);
      t.equal(HostConfig.MemorySwap, memoryLimitBytes, `${Name}: no swap beyond it`);
      t.ok(
        Math.abs(HostConfig.NanoCpus - cpuLimit * 1e9) < 1e6,
        `${Name}: ${HostConfig.NanoCpus} for ${cpuLimit}`,
      );
      sum += HostConfig.Memory;
    }
  }
  const holder = one(holderName).HostConfig;
  t.strictSame(
    [holder.Memory, holder.MemorySwap],
    [16 * 1024 ** 2, 16 * 1024 ** 2],
    'the holder, which only sleeps',
  );
  sum += holder.Memory;
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

const NET_RAW = 1n << 13n;

t.test('services that Onstead knows nothing about are fenced all the same', async (t) => {
  for (const { HostConfig: host, Name, State } of carried) {
    t.strictSame(host.PortBindings ?? {}, {}, `${Name}: no port`);
    t.match(host.SecurityOpt, ['no-new-privileges:true'], Name);
    t.equal(host.LogConfig.Type, 'local', `${Name}: logs are kept and rotated`);
    t.ok(host.Memory > 0 && host.NanoCpus > 0 && (host.PidsLimit ?? 0) > 0, `${Name}: limits`);
    t.equal(host.Privileged, false, Name);
    const { stdout: status } = await runCommand('cat', [`/proc/${State.Pid}/status`]);
    const bounds = BigInt(`0x${/^CapBnd:\t(\S+)$/m.exec(status)![1]}`);
    t.equal(bounds & NET_RAW, 0n, `${Name}: no packets of its own making`);
    t.equal(host.RestartPolicy.Name, 'unless-stopped', Name);
    t.match(Name, new RegExp(`^/${appliance.project}-`), 'a name inside the project');
  }
});

/** At once: what is not reached takes seconds to say so. */
async function forEach(services: readonly string[], look: (service: string) => Promise<void>): Promise<void> {
  await Promise.all(services.map(look));
}

const INSIDERS = ['app', 'mysql', 'redis', 'minio', 'plain', 'bold'] as const;
t.test('nobody gets out who has not asked, and the data services are no neighbours of nginx', async (t) => {
  const outside = await outsideHost(t);
  const heard = (service: string): Promise<string> => hears(placeOf(service), outside.address, outside.port);
  t.equal(await heard('mailer'), outside.word, 'with outbound: true');
  await forEach([...INSIDERS, 'onstead-edge', 'nginx'], async (service) => {
    t.not(await heard(service), outside.word, `${service} → a host outside`);
  });

  const [app, edge, mailer] = [placeOf('app'), placeOf('onstead-edge'), placeOf('mailer')];
  t.equal(
    await reaches(app, addressOf(one('mysql'), 'data'), 3306),
    'connected',
    'the app reaches its database',
  );
  t.equal(await reaches(edge, addressOf(one('app'), 'front'), 3000), 'connected', 'the edge reaches the app');
  await forEach(['mysql', 'redis', 'minio'], async (service) => {
    t.equal(addressOf(one(service), 'front'), '', `${service} is not in the front network`);
    const { port, word } = await speaker(t, placeOf(service));
    t.not(await hears(edge, addressOf(one(service), 'data'), port), word, `the edge → ${service}`);
    t.equal(await hears(mailer, addressOf(one(service), 'data'), port), word, `a neighbour → ${service}`);
  });
  const { port, word } = await speaker(t, edge);
  t.not(await hears(mailer, addressOf(one('onstead-edge'), 'public'), port), word, 'who gets out → the edge');
});

t.test('the administrator was told who gets a way out, before and at the installation', async (t) => {
  const told = /Beyond their own containers, its services get:\n {2}! mailer: .* \(outbound\)\n/;
  t.match(installed.stdout, told, 'install');
  t.match((await appliance.onstead(['bundle', 'inspect', bundle.path])).stdout, told, 'bundle inspect');
  for (const words of [
    ['bundle', 'inspect', bundle.path, '--json'],
    ['install', bundle.path, '--plan', '--json'],
  ]) {
    const { stdout } = await appliance.onstead(words);
    t.match(JSON.parse(stdout), { permissions: [{ service: 'mailer', name: 'outbound' }] }, words.join(' '));
  }
});

t.test('names of the stack are found inside, and no other name is asked of anybody', async (t) => {
  await forEach(INSIDERS, async (service) => {
    const { HostConfig, State } = one(service);
    t.strictSame(HostConfig.Dns, ['127.0.0.1'], `${service}: the engine has nobody to ask for it`);
    t.equal(
      await finds(State.Pid, 'redis'),
      addressOf(one('redis'), 'data'),
      `${service} finds its neighbour`,
    );
    t.notMatch(
      await finds(State.Pid, 'name.invalid'),
      /^\d|NOTFOUND/,
      `${service}: no answer to another name`,
    );
    const { stdout } = await inside(one(service), 'cat /etc/resolv.conf');
    t.match(stdout, /^options .*timeout:2 attempts:2/m, `${service} is not kept waiting for long`);
  });
  t.strictSame(one('mailer').HostConfig.Dns ?? [], [], 'who gets out asks as the machine does');
});

t.test('another stack reaches nobody in here, and nobody in here reaches it', async (t) => {
  const name = `${appliance.project}-stranger`;
  const image = (await runCommand('docker', ['inspect', '-f', '{{.Image}}', one('app').id])).stdout.trim();
  t.teardown(async () => {
    await runCommand('docker', ['rm', '--force', name]);
    await runCommand('docker', ['network', 'rm', name]);
  });
  await runCommand('docker', ['network', 'create', name]);
  const options = ['--detach', '--name', name, '--network', name, '--entrypoint', 'sleep'];
  const { code, stderr } = await runCommand('docker', ['run', ...options, image, '1000000']);
  if (code !== 0) throw new Error(stderr);
  const [{ State, NetworkSettings }] = JSON.parse((await runCommand('docker', ['inspect', name])).stdout) as [
    Inspected,
  ];
  await forEach([...INSIDERS, 'mailer', 'onstead-edge'], async (service) => {
    const { port, word } = await speaker(t, placeOf(service));
    t.equal(await hears(placeOf(service), '127.0.0.1', port), word, `${service} listens`);
    for (const [network, { IPAddress }] of Object.entries(one(service).NetworkSettings.Networks))
      t.not(await hears(State.Pid, IPAddress, port), word, `the stranger → ${service} in ${network}`);
  });
  const address = NetworkSettings.Networks[name]!.IPAddress;
  const { port, word } = await speaker(t, State.Pid);
  t.equal(await hears(undefined, address, port), word, 'the stranger listens');
  await forEach([...INSIDERS, 'mailer', 'onstead-edge'], async (service) => {
    t.not(await hears(placeOf(service), address, port), word, `${service} → the stranger`);
  });
});

t.test('nobody but the edge and who has asked reaches this machine itself', async (t) => {
  const { port, word } = await speaker(t, undefined);
  const own = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  const heard = async (service: string): Promise<string[]> => {
    const targets = [...new Set([...(await gatewaysOf(one(service))), ...own])];
    return Promise.all(targets.map((address) => hears(placeOf(service), address, port)));
  };
  // Their bridges need an address of this machine: for published ports, and for the way out.
  for (const service of ['onstead-edge', 'mailer']) t.ok((await heard(service)).includes(word), service);
  await forEach(INSIDERS, async (service) => {
    t.notOk((await heard(service)).includes(word), `${service} → this machine`);
  });
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
