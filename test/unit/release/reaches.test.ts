// What a release reaches beyond its containers, by whatever spelling, and what the administrator is told of it.

import t from 'tap';
import { isOnsteadError } from '../../../src/base/errors.ts';
import { parseRelease, type Mistake } from '../../../src/release/index.ts';

function fileWith(service: string): string {
  return `name: n
x-onstead: { version: 1.0.0 }
services:
  app: { image: a, x-onstead: { role: app, port: 80, health: /h, ready: /r } }
  nginx: { image: a, x-onstead: { role: nginx } }
  x: { image: a, ${service} }
volumes: { d: {}, data: {} }
`;
}

function mistakesOf(service: string): Mistake[] {
  try {
    parseRelease(fileWith(service), 'compose.yaml');
    return [];
  } catch (error) {
    if (!isOnsteadError(error, 'release.invalid')) throw error;
    return error.details as unknown as Mistake[];
  }
}

const quoted = (text: string): string => JSON.stringify(text);
const shortForm = (source: string): string => `volumes: [${quoted(`${source}:/mnt`)}]`;
const longForm = (source: string): string =>
  `volumes: [{ type: bind, source: ${quoted(source)}, target: /mnt }]`;

/** Source → the permission it needs. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  'docker-socket': [
    '/',
    '//',
    '/.',
    '/run',
    '/run/',
    '//run',
    '/./run',
    '/run/.',
    '/var/run',
    '/var/run/',
    '/var/./run//',
    '/var',
    '/var/lib',
    '/var/lib/docker',
    '/var/lib/docker/volumes',
    '/var/lib/containerd',
    '/run/docker.sock',
    '/var/run/docker.sock',
    '/var/./run/./docker.sock',
    '/run/docker',
    '/run/containerd/containerd.sock',
    '/run/podman',
    '/run/user/1000/docker.sock',
    '/run/user',
    '/srv/docker.sock.d',
    '/proc/1/root',
    '/proc/1/root/run',
    '/proc/self/root/etc',
    '/proc/thread-self/cwd',
    '/proc/1/task/1/root/run',
    '/proc/1/fd/3',
    '/srv/${X}',
    '${X}',
    '~/$X',
  ],
  'host-kernel': [
    '/proc',
    '/proc/',
    '/proc/sys',
    '/proc/sys/kernel/core_pattern',
    '/sys',
    '/sys/fs/cgroup',
    '/./sys',
  ],
  devices: ['/dev', '/dev/', '/dev/./mem', '/dev/sda'],
  'host-path': [
    '/etc',
    '/srv/data',
    '/runner',
    '/var/runs',
    '/var/log',
    '/device',
    '/system',
    '/run/lock',
    '~',
    '~/x',
    '~root',
  ],
};

for (const [allowance, sources] of Object.entries(NEEDS)) {
  t.test(`mounts that need the permission ${allowance}`, async (t) => {
    for (const source of sources) {
      for (const form of [shortForm, longForm]) {
        const mistakes = mistakesOf(form(source));
        t.equal(mistakes.length, 1, `${source}: one mistake`);
        t.match(mistakes[0]?.fix, `allow: [${allowance}]`, form(source));
        t.match(mistakes[0], { line: 6, path: 'services.x.volumes[0]' });
        const allowed = `${form(source)}, x-onstead: { allow: [${allowance}] }`;
        t.strictSame(mistakesOf(allowed), [], `${source}: allowed by its name`);
      }
    }
  });
}

t.test('no other permission covers the engine', async (t) => {
  for (const source of ['/', '/run', '/var/run', '/var', '/proc/1/root']) {
    for (const other of ['host-path', 'host-kernel', 'devices', 'privileged']) {
      const mistakes = mistakesOf(`${shortForm(source)}, x-onstead: { allow: [${other}] }`);
      t.match(mistakes, [{ fix: /docker-socket/ }], `${source} with ${other}`);
    }
  }
});

t.test('a path with .. is refused, and still told for what it is', async (t) => {
  for (const source of ['/var/../run', '/srv/../var/run', '/etc/../../run', '~/../run']) {
    const mistakes = mistakesOf(`${shortForm(source)}, x-onstead: { allow: [host-path] }`);
    t.match(mistakes, [{ message: /leaves/ }, { fix: /docker-socket/ }], source);
    t.match(mistakesOf(`${shortForm(source)}, x-onstead: { allow: [docker-socket] }`), [
      { message: /leaves/ },
    ]);
  }
  t.match(mistakesOf(shortForm('./a/../..')), [{ message: /leaves/ }]);
});

t.test("Onstead's own files can be had by no permission", async (t) => {
  const everything = 'x-onstead: { allow: [host-path, docker-socket] }';
  for (const source of [
    '/run/onstead',
    '/var/run/onstead/secrets/mysql',
    '/run/onstead.sock',
    '/var/lib/onstead',
    '/var/lib/./onstead/stack',
    '/etc/onstead/machine.key',
    '/opt/onstead',
    '.',
    './',
    './compose.yaml',
    './compose.override.yaml',
    './config',
    './config/nginx',
  ]) {
    const own = mistakesOf(`${shortForm(source)}, ${everything}`).filter(({ message }) =>
      /Onstead's own/.test(message),
    );
    t.equal(own.length, 1, source);
  }
  t.strictSame(mistakesOf(`volumes: ['./config/x:/x:ro']`), []);
  t.strictSame(mistakesOf(`volumes: [{ type: bind, source: ./config/x, target: /x, read_only: true }]`), []);
  t.strictSame(mistakesOf(`volumes: ['/opt/onsteads:/x'], x-onstead: { allow: [host-path] }`), []);
});

t.test('a variable may bring the whole mount with it', async (t) => {
  t.match(mistakesOf(`volumes: ['$X']`), [{ fix: /docker-socket/ }]);
});

t.test('named volumes and folders of the container are no reach', async (t) => {
  for (const entry of ['data:/data', 'data:/run', '/run', '/data'])
    t.strictSame(mistakesOf(`volumes: [${quoted(entry)}]`), [], entry);
});

t.test('what Compose would read as a path of Windows is refused with its place', async (t) => {
  for (const entry of ['d:/data', 'd:/data:ro', 'd:data', 'Z:/x', 'é:/x']) {
    const text = fileWith(`volumes: [data:/a, ${quoted(entry)}]`);
    t.match(
      mistakesOf(`volumes: [data:/a, ${quoted(entry)}]`),
      [
        {
          message: /path of Windows/,
          fix: /longer name/,
          line: 6,
          column: text.split('\n')[5]!.indexOf(quoted(entry)) + 1,
        },
      ],
      entry,
    );
  }
  t.strictSame(mistakesOf(`volumes: [{ type: volume, source: d, target: /data }]`), []);
  t.strictSame(mistakesOf(`volumes: ['9:/data']`), [], 'a digit is a name');
});

t.test('the administrator is told each permission that is used, in words', async (t) => {
  const text = fileWith(
    `privileged: true, cap_add: [SYS_ADMIN, NET_ADMIN], devices: [/dev/kvm], volumes: ['/var/run:/r', '/etc:/e'], x-onstead: { outbound: true, allow: [privileged, capabilities, devices, docker-socket, host-path, host-pid] }`,
  );
  const { permissions } = parseRelease(text, 'compose.yaml');
  t.strictSame(
    permissions.map(({ service, name, opens }) => `${service}: ${opens} (${name})`),
    [
      'x: the whole machine (privileged)',
      'x: the engine and with it the whole machine (docker-socket)',
      'x: "/etc" of the machine (host-path)',
      'x: devices of the machine: "/dev/kvm" (devices)',
      'x: more rights in the kernel: "SYS_ADMIN", "NET_ADMIN" (capabilities)',
      "x: whatever this machine's network reaches, and the ports of the machine itself (outbound)",
    ],
  );
  t.strictSame(parseRelease(fileWith('command: [a]'), 'f').permissions, [], 'nothing is asked for');
});

t.test("a service that joins another's namespace has its permissions, and is told so", async (t) => {
  const text = fileWith('pid: host, x-onstead: { outbound: true, allow: [host-pid] }').replace(
    'volumes: {',
    `  y: { image: a, network_mode: "service:x" }
  z: { image: a, network_mode: "service:y", pid: "service:x" }
  loop: { image: a, network_mode: "service:loop" }
volumes: {`,
  );
  t.strictSame(
    parseRelease(text, 'f').permissions.map(({ service, name }) => `${service} ${name}`),
    ['x host-pid', 'x outbound', 'y outbound', 'z outbound', 'z host-pid'],
  );
});

t.test('a way out is named by the service and stands in no other', async (t) => {
  const { services } = parseRelease(fileWith('x-onstead: { outbound: true }'), 'f');
  t.strictSame(
    services.filter(({ isOutbound }) => isOutbound).map(({ name }) => name),
    ['x'],
  );
  for (const [block, message] of [
    ['{ outbound: yes-please }', /true or false/],
    ['{ role: redis, outbound: true }', /not a key/],
    ['{ role: mysql, database: d, user: u, outbound: true }', /not a key/],
  ] as const)
    t.match(mistakesOf(`x-onstead: ${block}`), [{ message, path: 'services.x.x-onstead.outbound' }], block);
  t.match(mistakesOf(`network_mode: none, x-onstead: { outbound: true }`), [
    { message: /no networks of its own/, path: 'services.x.x-onstead.outbound' },
  ]);
  const worker = parseRelease(fileWith('x-onstead: { role: worker, outbound: true }'), 'f');
  t.match(worker.permissions, [{ service: 'x', name: 'outbound' }]);
});
