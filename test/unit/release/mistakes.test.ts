// Each mistake that a vendor can make in a release, alone: it is found once, at its place, with its cure.

import t from 'tap';
import { mistakesIn, small } from './small-release.ts';

const at = (text: string, needle: string): string => {
  const lines = text.split('\n');
  const line = lines.findIndex((one) => one.includes(needle));
  return `${line + 1}:${lines[line]!.indexOf(needle) + 1}`;
};

// A row: what is written, where the mistake points, what it says, what would be right.
const CASES: readonly [string, string, string, RegExp, RegExp][] = [
  [
    'a host network by a variable',
    small('  x: { image: a, network_mode: "${N:-host}" }'),
    'network_mode',
    /network/,
    /host-network/,
  ],
  [
    'a mount by a variable',
    small('  x: { image: a, volumes: ["${D:-/etc}:/e"] }'),
    '"${D',
    /whole machine/,
    /docker-socket/,
  ],
  [
    'a mount of a kind by a variable',
    small('  x: { image: a, volumes: [{ type: "${T:-bind}", source: /etc, target: /e }] }'),
    '{ type',
    /of the machine/,
    /host-path/,
  ],
  [
    'a filter off by a variable',
    small('  x: { image: a, security_opt: ["seccomp=un${X}confined"] }'),
    '"seccomp',
    /filters/,
    /unconfined/,
  ],
  [
    'the engine by its short key',
    small('  x: { image: a, use_api_socket: true }'),
    'use_api_socket',
    /engine/,
    /docker-socket/,
  ],
  [
    'a privileged hook',
    small('  x: { image: a, post_start: [{ command: a, privileged: true }] }'),
    'privileged',
    /whole machine/,
    /allow: \[privileged\]/,
  ],
  [
    'reserved devices',
    small('  x: { image: a, deploy: { resources: { reservations: { devices: [{ driver: nvidia }] } } } }'),
    'devices',
    /devices/,
    /allow: \[devices\]/,
  ],
  [
    'a provider',
    small('  x: { image: a, provider: { type: sh } }'),
    'provider',
    /runs on the machine/,
    /image/,
  ],
  [
    "another container's network",
    small('  x: { image: a, network_mode: "container:other" }'),
    '"container',
    /outside/,
    /service:/,
  ],
  [
    "another container's volumes",
    small('  x: { image: a, volumes_from: ["container:other"] }'),
    'volumes_from',
    /takes over/,
    /named volumes/,
  ],
  [
    "another service's volumes",
    small('  x: { image: a, volumes_from: [app] }'),
    'volumes_from',
    /takes over/,
    /named volumes/,
  ],
  [
    'a volume that is a folder',
    small('', 'volumes: { v: { driver_opts: { type: none, o: bind, device: /etc } } }'),
    'driver_opts',
    /folder or device/,
    /host-path/,
  ],
  [
    'an external volume',
    small('', 'volumes: { v: { external: true } }'),
    'external',
    /does not make/,
    /Remove/,
  ],
  [
    'an external network',
    small('', 'networks: { host: { external: true } }'),
    'external',
    /does not make/,
    /Remove/,
  ],
  [
    'a network around the edge',
    small('', 'networks: { n: { driver: macvlan } }'),
    'driver',
    /around the edge/,
    /Remove/,
  ],
  ['a configuration from a file', small('', 'configs: { c: { file: ./c } }'), 'file', /not part/, /content/],
  [
    'an image with a variable',
    small('  x: { image: "a:${V}" }'),
    '"a:${V}"',
    /variable/,
    /Write the image out/,
  ],
  [
    'a bad image reference',
    small('  x: { image: "A B" }'),
    '"A B"',
    /not an image reference/,
    /repository:tag/,
  ],
  ['no image', small('  x: { command: [a] }'), 'x: {', /names no image/, /Add image/],
  ['a build', small('  x: { image: a, build: . }'), 'build:', /nothing is built/, /remove build/],
  ['an env_file', small('  x: { image: a, env_file: .env }'), 'env_file', /not part/, /environment/],
  [
    'another file to extend',
    small('  x: { image: a, extends: { file: b.yaml } }'),
    'extends',
    /written out/,
    /Copy/,
  ],
  [
    'another service to extend',
    small('  x: { image: a, extends: app }'),
    'extends',
    /written out/,
    /YAML anchor/,
  ],
  ['an include', small('', 'include: [a.yaml]'), 'include', /one file/, /Copy/],
  [
    'privileged',
    small('  x: { image: a, privileged: true }'),
    'privileged',
    /whole machine/,
    /allow: \[privileged\]/,
  ],
  [
    'the host network',
    small('  x: { image: a, network_mode: host }'),
    'network_mode',
    /network/,
    /allow: \[host-network\]/,
  ],
  ['the host processes', small('  x: { image: a, pid: host }'), 'pid', /process/, /allow: \[host-pid\]/],
  [
    'the engine socket',
    small('  x: { image: a, volumes: ["/var/run/docker.sock:/s"] }'),
    '"/var',
    /engine/,
    /allow: \[docker-socket\]/,
  ],
  [
    'the engine socket in long form',
    small('  x: { image: a, volumes: [{ type: bind, source: /run/docker.sock, target: /s }] }'),
    '{ type',
    /engine/,
    /docker-socket/,
  ],
  [
    'a folder of the machine',
    small('  x: { image: a, volumes: ["/etc:/e:ro"] }'),
    '"/etc',
    /"\/etc" of the machine/,
    /allow: \[host-path\]/,
  ],
  [
    'a mount that leaves the folder',
    small('  x: { image: a, volumes: ["../a:/e"] }'),
    '"../a',
    /leaves/,
    /named volume/,
  ],
  ['devices', small('  x: { image: a, devices: ["/dev/kvm"] }'), 'devices', /devices/, /allow: \[devices\]/],
  [
    'capabilities',
    small('  x: { image: a, cap_add: [SYS_ADMIN] }'),
    'cap_add',
    /rights/,
    /allow: \[capabilities\]/,
  ],
  [
    'no seccomp',
    small('  x: { image: a, security_opt: ["seccomp=unconfined"] }'),
    '"seccomp',
    /filters/,
    /allow: \[unconfined\]/,
  ],
  [
    'an undeclared secret',
    small('  x: { image: a, secrets: [smtp_pasword] }', 'secrets: { smtp_password: {} }'),
    'smtp_pasword',
    /not declared/,
    /Did you mean "smtp_password"\?/,
  ],
  ['a bad secret name', small('', 'secrets: { SMTP: {} }'), 'SMTP', /not a name for a secret/, /a-z/],
  [
    'a container name on a worker',
    small('  w: { image: a, container_name: w, x-onstead: { role: worker } }'),
    'container_name',
    /one replica/,
    /Remove/,
  ],
  [
    'a typo in x-onstead',
    small('  w: { image: a, x-onsted: { role: worker } }'),
    'x-onsted',
    /not a key/,
    /"x-onstead"/,
  ],
  [
    'a block without a role',
    small('  w: { image: a, x-onstead: { drain: 5s } }'),
    'x-onstead: { drain',
    /names no role/,
    /worker/,
  ],
  ['a service that is a list', small('  w: []'), '[]', /must be a map/, /image/],
  ['a bad service name', small('  Web: { image: a }'), 'Web', /not a name for a service/, /a-z/],
  [
    'reversible without down',
    small(
      '  b: { image: a, x-onstead: { role: app, port: 1, health: /, ready: /, migrate: { up: [m], reversible: true } } }',
    ),
    'true }',
    /takes it back/,
    /reversible: false/,
  ],
  [
    'a database user root',
    small('  m: { image: a, x-onstead: { role: mysql, database: n, user: root } }'),
    'root',
    /must be a name/,
    /user: notes/,
  ],
  [
    'a bad bucket',
    small('  m: { image: a, x-onstead: { role: minio, buckets: [No] } }'),
    'No]',
    /bucket name/,
    /attachments/,
  ],
  [
    'no bucket',
    small('  m: { image: a, x-onstead: { role: minio, buckets: [] } }'),
    '[] }',
    /an empty list/,
    /buckets:/,
  ],
  [
    'a number where a duration stands',
    small('  w: { image: a, x-onstead: { role: worker, drain: 30 } }'),
    '30 }',
    /is 30; it must be a duration/,
    /drain: 30s/,
  ],
  [
    'a second nginx',
    small('  n: { image: a, x-onstead: { role: nginx } }'),
    'nginx: { image',
    /is nginx already|n" is nginx/,
    /Keep one/,
  ],
  ['a duplicate key', small('  nginx: { image: "b:1" }'), 'nginx: { image: "nginx', /twice/, /Keep one/],
];

for (const [name, text, needle, message, fix] of CASES) {
  t.test(`${name} is one mistake, at its place`, async (t) => {
    const mistakes = mistakesIn(text);
    t.equal(mistakes.length, 1, JSON.stringify(mistakes));
    const [mistake] = mistakes;
    t.match(mistake?.message, message);
    t.match(mistake?.fix, fix);
    if (name === 'a second nginx') return t.equal(mistake?.path, 'services.nginx.x-onstead.role');
    t.equal(`${mistake?.line}:${mistake?.column}`, at(text, needle));
  });
}
