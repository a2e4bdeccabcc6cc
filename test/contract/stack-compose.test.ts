// What `docker compose` itself makes of the vendor's file and ours together: nothing a vendor writes gets out.

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openCompose } from '../../src/engine/index.ts';
import { parseRelease } from '../../src/release/index.ts';
import { holderName, renderStack, writeStack, type StackInput } from '../../src/stack/index.ts';
import { inputFor, releaseText, releaseWith } from '../unit/stack/lab.ts';

type Service = Record<string, unknown>;

interface Merged {
  readonly input: StackInput;
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, Service>>;
  readonly text: string;
}

interface Ends {
  teardown(end: () => unknown): void;
}

async function merge(t: Ends, text: string): Promise<Merged> {
  const folder = await mkdtemp(join(tmpdir(), 'onstead-merge-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const input = inputFor(parseRelease(text, 'compose.yaml'), {
    project: `trial-${randomBytes(4).toString('hex')}`,
  });
  await writeStack(folder, renderStack(input, text));
  const model = await openCompose({ folder }).config();
  return {
    input,
    services: model.services,
    networks: model['networks'] as Merged['networks'],
    volumes: model['volumes'] as Merged['volumes'],
    text: JSON.stringify(model),
  };
}

t.test('the default stack: images, replicas and limits are those that were given', async (t) => {
  const { input, services } = await merge(t, releaseText);
  for (const { name } of input.release.services) {
    const size = input.plan.services.find((one) => one.name === name)!;
    t.match(
      services[name],
      {
        image: input.images[name],
        pull_policy: 'never',
        deploy: {
          replicas: size.replicas,
          resources: { limits: { memory: String(size.memoryLimitBytes), pids: 1024 } },
        },
      },
      name,
    );
  }
  t.equal(services[holderName]?.['image'], input.holderImage);
});

const SEALED = { internal: true, driver_opts: { 'com.docker.network.bridge.inhibit_ipv4': 'true' } };

t.test('the default stack: nothing is published but the edge, nothing is privileged', async (t) => {
  const { services, networks } = await merge(t, releaseText);
  for (const [name, one] of Object.entries(services)) {
    t.equal(one['ports'] === undefined, name !== holderName, `${name}: published ports`);
    t.notOk(one['privileged'], `${name}: privileged`);
    t.strictSame(one['cap_drop'], ['ALL'], `${name}: capabilities`);
    t.strictSame(one['security_opt'], ['no-new-privileges:true'], name);
    t.equal(one['read_only'], true, `${name}: read-only`);
    t.equal(one['cap_add'], undefined, name);
    t.equal(one['secrets'], undefined, `${name}: Compose hands out no secrets`);
    t.equal(
      Object.keys((one['networks'] as object | undefined) ?? {}).includes('public'),
      name === holderName,
      `${name}: way out`,
    );
  }
  t.match(networks, { front: SEALED, data: SEALED });
});

t.test('the default stack: no file of a password in the clear is mounted or named', async (t) => {
  const { services, text } = await merge(t, releaseText);
  for (const [name, one] of Object.entries(services)) {
    for (const [key, value] of Object.entries((one['environment'] as object | undefined) ?? {})) {
      if (/PASSWORD|SECRET|TOKEN/.test(key)) t.match(value, /^\/run\/secrets\//, `${name} ${key}`);
    }
    const mounts =
      (one['volumes'] as
        { type: string; source: string; target: string; read_only?: boolean }[] | undefined) ?? [];
    for (const { source, target, read_only: isReadOnly } of mounts.filter(({ type }) => type === 'bind')) {
      t.equal(isReadOnly, true, `${name} ${target}`);
      t.ok(
        source.startsWith('/run/onstead/secrets/') || /\/config\/[a-z]+$/.test(source),
        `${name} ${source}`,
      );
    }
  }
  t.notMatch(text, /"file":"\/run/);
});

const tricks: Readonly<Record<string, string>> = {
  ports: `ports: ['9999:9999', { target: 1, published: '2', mode: host }]`,
  privileged: `privileged: true, x-onstead: { ROLE, allow: [privileged] }`,
  capabilities: `cap_add: [SYS_ADMIN, NET_ADMIN], x-onstead: { ROLE, allow: [capabilities] }`,
  'unconfined security options': `security_opt: ['seccomp=unconfined', 'apparmor:unconfined'], x-onstead: { ROLE, allow: [unconfined] }`,
  'a container name': `container_name: mysql-of-my-own`,
  'limits and replicas under deploy': `deploy: { replicas: 3, mode: global, resources: { limits: { memory: 64G, cpus: '64', pids: 99999 }, reservations: { devices: [{ capabilities: [gpu], count: 1 }] } }, restart_policy: { condition: none } }, x-onstead: { ROLE, allow: [devices] }`,
  'limits of the older spelling': `mem_limit: 64g, mem_reservation: 32g, cpus: 64, pids_limit: 99999, memswap_limit: 128g`,
  'a number of containers': `scale: 3`,
  'networks of its own': `networks: [public, front, elsewhere]`,
  "the machine's network": `network_mode: host, x-onstead: { ROLE, allow: [host-network] }`,
  "another service's network": `network_mode: 'service:app'`,
  'resolvers of its own': `dns: [192.0.2.53], dns_opt: ['timeout:30']`,
  'a log driver': `logging: { driver: syslog, options: { syslog-address: 'tcp://192.0.2.1:514' } }`,
  'a root that can be written': `read_only: false`,
  'a pull policy': `pull_policy: always`,
  'secrets of its own form': `secrets: [{ source: mysql_password, target: /etc/passwd }]`,
  'no health check': `healthcheck: { disable: true }`,
};

for (const [what, trick] of Object.entries(tricks)) {
  t.test(`a vendor's database that sets ${what} is fenced in all the same`, async (t) => {
    const role = 'role: mysql, database: d, user: u';
    const keys = trick.includes('x-onstead')
      ? trick.replace('ROLE', role)
      : `${trick}, x-onstead: { ${role} }`;
    const top = `networks: { public: {}, front: { internal: false }, elsewhere: {} }\nsecrets: { mysql_password: { file: ./x } }`;
    const { services, input } = await merge(t, releaseWith(`mysql: { image: 'a/mysql:1', ${keys} }`, top));
    const size = input.plan.services.find(({ name }) => name === 'mysql')!;
    const mysql = services['mysql']!;
    t.match(mysql, {
      image: input.images['mysql'],
      pull_policy: 'never',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      logging: { driver: 'local' },
      healthcheck: { test: ['CMD', 'mysqladmin'] },
    });
    for (const key of [
      'ports',
      'cap_add',
      'container_name',
      'secrets',
      'network_mode',
      'use_api_socket',
      'scale',
    ]) {
      t.notOk(mysql[key], key);
    }
    t.notOk(mysql['privileged']);
    t.strictSame(Object.keys(mysql['networks'] as object), ['data']);
    t.strictSame(mysql['dns'], ['127.0.0.1']);
    t.strictSame(mysql['deploy'], {
      replicas: 1,
      resources: {
        limits: { memory: String(size.memoryLimitBytes), cpus: size.cpuLimit, pids: 1024 },
        reservations: { memory: String(size.memoryReservationBytes) },
      },
      placement: {},
    });
    t.equal(mysql['memswap_limit'], String(size.memoryLimitBytes));
  });
}

t.test("a service without a role keeps its vendor's limits where sizing took them over", async (t) => {
  for (const limits of [
    `mem_limit: 128m, cpus: 0.5`,
    `deploy: { resources: { limits: { memory: 128m, cpus: '0.5' } } }`,
  ]) {
    const { services } = await merge(t, releaseWith(`mail: { image: 'a/mail:1', ${limits} }`));
    t.match(
      services['mail'],
      { deploy: { resources: { limits: { memory: String(128 * 1024 * 1024), cpus: 0.5 } } } },
      limits,
    );
  }
});

t.test("a service without a role that may use the machine's network does", async (t) => {
  const { services } = await merge(
    t,
    releaseWith(`probe: { image: 'a/probe:1', network_mode: host, x-onstead: { allow: [host-network] } }`),
  );
  t.equal(services['probe']?.['network_mode'], 'host');
  t.notOk(services['probe']?.['networks']);
});

t.test('networks named like ours are ours', async (t) => {
  const top = `networks:
  data: { name: somebody-elses, attachable: true }
  front: { internal: false, name: the-front }
  public: { driver_opts: { com.docker.network.bridge.name: docker0 } }`;
  const { networks, input } = await merge(
    t,
    releaseWith(`redis: { image: 'a/redis:1', x-onstead: { role: redis } }`, top),
  );
  for (const name of ['data', 'front', 'public'])
    t.equal(networks[name]?.['name'], `${input.project}_${name}`);
  t.match(networks, { data: SEALED, front: SEALED });
  t.notOk(networks['data']?.['external']);
  t.strictSame(networks['public']?.['driver_opts'], {
    'com.docker.network.bridge.enable_ip_masquerade': 'false',
  });
});

t.test("the vendor's volumes are the stack's own, whatever they are called", async (t) => {
  const top = `volumes: { data: { name: somebody-elses, labels: { a: b } } }`;
  const redis = `redis: { image: 'a/redis:1', volumes: ['data:/data'], x-onstead: { role: redis } }`;
  const { volumes, input } = await merge(t, releaseWith(redis, top));
  t.strictSame(volumes, { data: { name: input.volumes['data'], external: true } });
});
