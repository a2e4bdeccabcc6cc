// What Onstead adds to a vendor's file: every service is fenced in, sized and cut off from the outside but the edge.

import { randomBytes } from 'node:crypto';
import t from 'tap';
import { parseDocument, type Scalar } from 'yaml';
import { parseRelease } from '../../../src/release/index.ts';
import { holderName, openedServices, secretNamesOf } from '../../../src/stack/index.ts';
import {
  inputFor,
  openFolder,
  openStore,
  overrideOf,
  releaseText,
  releaseWith,
  renderText,
  settings,
} from './lab.ts';

const release = parseRelease(releaseText, 'compose.yaml');
const input = inputFor(release);
const files = renderText(releaseText);
const { services, networks, volumes } = overrideOf(files) as never as Record<
  string,
  Record<string, Record<string, unknown>>
>;
const tags = parseDocument(files.get('compose.override.yaml')!, { logLevel: 'silent' });
const tagAt = (...path: string[]): string | undefined => (tags.getIn(path, true) as Scalar | undefined)?.tag;

for (const { name, role } of release.services) {
  t.test(`${name} is hardened, whatever the vendor wrote`, async (t) => {
    const one = services![name]!;
    t.match(one, {
      image: input.images[name],
      pull_policy: 'never',
      restart: 'unless-stopped',
      read_only: true,
      privileged: false,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      logging: { driver: 'local', options: { 'max-size': '20m', 'max-file': '5' } },
      labels: { 'onstead.role': role },
    });
    t.match(one['user'], /^[1-9]\d*:[1-9]\d*$/, 'an own user that is not root');
    for (const place of ['cap_drop', 'security_opt', 'logging', 'deploy'])
      t.equal(tagAt('services', name, place), '!override', place);
    for (const place of ['ports', 'secrets', 'container_name', 'cap_add'])
      t.equal(tagAt('services', name, place), '!reset', place);
    t.match(one['deploy'], {
      resources: { limits: { pids: 1024, memory: /^\d+$/, cpus: /^\d/ }, reservations: { memory: /^\d+$/ } },
    });
  });

  t.test(`${name} gets what sizing gave it, and no swap`, async (t) => {
    const size = input.plan.services.find((one) => one.name === name)!;
    t.match(services![name], {
      deploy: {
        replicas: size.replicas,
        resources: { limits: { memory: String(size.memoryLimitBytes), cpus: String(size.cpuLimit) } },
      },
      memswap_limit: size.memoryLimitBytes,
    });
  });

  t.test(`${name} reads its own secrets and nobody else's`, async (t) => {
    t.match((services![name]!['volumes'] as unknown[])[0], {
      type: 'bind',
      source: `/run/onstead/secrets/${name}`,
      target: '/run/secrets',
      read_only: true,
      bind: { create_host_path: false },
    });
  });
}

t.test(
  'a service that asks for a way out gets a network of its own kind beside the inner ones',
  async (t) => {
    const model = overrideOf(
      renderText(
        releaseWith(
          `mailer: { image: 'a/b:1', x-onstead: { outbound: true } }
jobs: { image: 'a/b:1', x-onstead: { role: worker, outbound: true } }
quiet: { image: 'a/b:1' }`,
        ),
      ),
    );
    const networksOf = (name: string): string[] =>
      Object.keys(model['services']![name]!['networks'] as object);
    t.strictSame(networksOf('mailer'), ['data', 'outbound']);
    t.strictSame(networksOf('jobs'), ['data', 'outbound']);
    t.strictSame(networksOf('quiet'), ['data']);
    t.strictSame(model['services']!['quiet']!['dns'], ['127.0.0.1'], 'asks nobody outside for a name');
    t.notOk(model['services']!['mailer']!['dns'], "asks the machine's own resolver");
    t.notOk(model['services']!['nginx']!['dns'], "has its holder's");
    t.strictSame(networksOf(holderName), ['public', 'front'], 'the edge is no neighbour there');
    t.strictSame(model['networks']!['outbound'], {});
  },
);

t.test(
  'a service without a role makes no packets of its own, unless its release asks for capabilities',
  async (t) => {
    const model = overrideOf(
      renderText(
        releaseWith(
          `plain: { image: 'a/b:1' }
probe: { image: 'a/b:1', cap_add: [NET_RAW], x-onstead: { allow: [capabilities] } }`,
        ),
      ),
    );
    t.strictSame(model['services']!['plain']!['cap_drop'], ['NET_RAW']);
    t.notOk(model['services']!['probe']!['cap_drop']);
  },
);

t.test('only the holder is published, and only it stands in a network with a way out', async (t) => {
  const holder = services![holderName]!;
  t.strictSame(holder['ports'], ['0.0.0.0:80:80', '0.0.0.0:443:443']);
  t.strictSame(Object.keys(holder['networks'] as object), ['public', 'front']);
  for (const [name, one] of Object.entries(services!)) {
    if (name === holderName) continue;
    t.notOk((one['ports'] as unknown[]).length, `${name} publishes nothing`);
    t.notOk(Object.keys((one['networks'] as object | null) ?? {}).includes('public'), name);
  }
  for (const name of ['front', 'data'])
    t.strictSame(
      networks![name],
      { internal: true, driver_opts: { 'com.docker.network.bridge.inhibit_ipv4': 'true' } },
      `${name}: no way out, and no address of this machine in it`,
    );
  t.strictSame(networks!['public'], {
    driver_opts: { 'com.docker.network.bridge.enable_ip_masquerade': 'false' },
  });
  t.equal(services!['nginx']!['network_mode'], `service:${holderName}`);
  t.equal(tagAt('services', 'nginx', 'networks'), '!reset');
  t.strictSame(Object.keys(services!['app']!['networks'] as object), ['front', 'data']);
  t.notOk(networks!['outbound'], 'nobody asked for a way out');
  for (const name of ['mysql', 'redis', 'minio'])
    t.strictSame(Object.keys(services![name]!['networks'] as object), ['data']);
});

t.test('the holder is fenced in too', async (t) => {
  t.match(services![holderName], {
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    user: '101:101',
    pids_limit: 16,
    mem_limit: 16 * 1024 * 1024,
    restart: 'unless-stopped',
    pull_policy: 'never',
    logging: { driver: 'local' },
    sysctls: { 'net.ipv4.tcp_migrate_req': '1' },
  });
});

t.test('the holder keeps its first image when nginx gets another', async (t) => {
  t.equal(services![holderName]!['image'], input.holderImage);
  t.not(services!['nginx']!['image'], input.holderImage);
});

t.test('a database has a place for the copies of restore points, and no other service sees it', async (t) => {
  t.strictSame(volumes!['onstead-points'], { name: `${input.project}_points`, external: true });
  const seeing = Object.entries(services!).filter(([, one]) =>
    JSON.stringify(one['volumes'] ?? []).includes('onstead-points'),
  );
  t.strictSame(
    seeing.map(([name]) => name),
    ['mysql'],
  );
  const without = overrideOf(renderText(releaseWith('')));
  t.notOk(JSON.stringify(without).includes('onstead-points'));
});

t.test('data volumes are external, so that no command deletes them in haste', async (t) => {
  for (const name of release.volumes) {
    t.strictSame(volumes![name], { name: `trial-project_${name}`, external: true });
    t.equal(tagAt('volumes', name), '!override');
  }
});

t.test("the vendor's file stays what the vendor wrote", async (t) => {
  t.equal(files.get('compose.yaml'), releaseText);
  t.strictSame([...files.keys()].sort(), [
    'compose.override.yaml',
    'compose.yaml',
    'config/mysql/onstead.cnf',
    'config/nginx/nginx.conf',
    'config/nginx/upstreams.conf',
    'config/redis/redis.conf',
  ]);
});

t.test('the same input gives the same files', async (t) => {
  t.strictSame([...renderText(releaseText)], [...files]);
});

t.test('no secret stands in any file of the stack', async (t) => {
  const store = await openStore(await openFolder(t));
  await store.ensure(secretNamesOf(release), () => randomBytes(32).toString('hex'));
  const values = openedServices(release, store).flatMap((one) => Object.values(one.files));
  t.ok(values.length > 5);
  for (const name of store.names()) {
    for (const [path, text] of renderText(releaseText))
      t.notOk(text.includes(store.get(name)), `${name} in ${path}`);
  }
  for (const [name, one] of Object.entries(services!)) {
    for (const [key, value] of Object.entries((one['environment'] as object | undefined) ?? {})) {
      if (/PASSWORD|SECRET|USER/.test(key)) t.match(value, /^\/run\/secrets\//, `${name} ${key}`);
    }
  }
});

t.test("the edge's settings reach the ports", async (t) => {
  const edge = {
    address: '192.0.2.7',
    httpPort: 8080,
    httpsPort: 8443,
    names: [],
    maxBodyBytes: 5,
    http2: false,
  };
  const given = overrideOf(
    renderText(releaseText, { settings: { ...settings, edge } }),
  ) as never as typeof services & { services: typeof services };
  t.strictSame((given.services as typeof services)![holderName]!['ports'], [
    '192.0.2.7:8080:80',
    '192.0.2.7:8443:443',
  ]);
});

t.test('a service without a role keeps its own program but not its ports', async (t) => {
  const text = releaseWith(
    `mail: { image: 'a/mail:1', ports: ['25:25'], command: [serve], mem_limit: 128m }`,
  );
  const model = overrideOf(renderText(text)) as never as {
    services: Record<string, Record<string, unknown>>;
  };
  const mail = model.services['mail']!;
  t.match(mail, {
    security_opt: ['no-new-privileges:true'],
    deploy: { replicas: 1, resources: { limits: { pids: 1024 } } },
    labels: { 'onstead.role': 'carried' },
  });
  t.strictSame(Object.keys(mail['networks'] as object), ['data']);
  t.notOk('command' in mail);
  t.strictSame(mail['ports'], []);
});

t.test("the vendor's user is kept", async (t) => {
  const model = overrideOf(
    renderText(
      releaseText.replace(
        'image: onstead-demo/notes:1.0.0',
        "image: onstead-demo/notes:1.0.0\n    user: '2000:3000'",
      ),
    ),
  ) as never as { services: Record<string, Record<string, unknown>> };
  t.equal(model.services['app']!['user'], '2000:3000');
});

t.test('a plan that does not know a service is a mistake of ours', async (t) => {
  const plan = { ...input.plan, services: input.plan.services.filter(({ name }) => name !== 'redis') };
  t.throws(() => renderText(releaseText, { plan }), { message: /no service "redis"/ });
});
