// The release file: what is right is read with units and defaults, what is wrong is told all at once, in place.

import { readFile } from 'node:fs/promises';
import t from 'tap';
import { parseRelease } from '../../../src/release/index.ts';
import type { Release } from '../../../src/release/index.ts';
import { mistakesIn, small } from './small-release.ts';

const GOOD = `name: notes
x-onstead:
  version: 1.4.0
  title: Notes
  upgrade: { from: ">=1.2.0", stops: ["1.3.0", "1.2.5"] }
  sizing: { app: { perReplica: { cpu: 0.5, memory: 1G }, usersPerReplica: 150 } }
  smoke: [{ path: /login, contains: Sign in }]
services:
  app:
    image: example.com:5000/notes/app:1.4.0
    x-onstead:
      role: app
      port: 3000
      health: /api/health
      ready: /api/ready
      migrate: { up: [node, m.js], down: [node, m.js, down], reversible: true, timeout: 5m }
      drain: 1m30s
  jobs: { image: "notes/jobs:1", x-onstead: { role: worker } }
  mysql: { image: "mysql:9.7.4", x-onstead: { role: mysql, database: notes, user: notes } }
  redis: { image: "redis:8", x-onstead: { role: redis } }
  minio: { image: "silo:1", x-onstead: { role: minio, buckets: [attachments] } }
  nginx: { image: "nginx:1.30", ports: ["443:443"], x-onstead: { role: nginx } }
  mailer: { image: "mailer:2", secrets: [smtp_password] }
secrets: { smtp_password: {} }
volumes: { mysql-data: {}, files: {} }
`;

function service(release: Release, name: string) {
  return release.services.find((one) => one.name === name);
}

t.test(
  'a good release is read with its defaults, sizes in bytes and durations in milliseconds',
  async (t) => {
    const release = parseRelease(GOOD, 'compose.yaml');
    t.equal(release.product, 'notes');
    t.equal(release.title, 'Notes');
    t.equal(release.version, '1.4.0');
    t.strictSame(release.upgrade, { from: '>=1.2.0', stops: ['1.2.5', '1.3.0'] });
    t.strictSame(release.sizing, {
      app: { perReplica: { cpus: 0.5, memoryBytes: 1024 ** 3 }, replicas: 'auto', usersPerReplica: 150 },
    });
    t.strictSame(release.smoke, [{ path: '/login', status: 200, contains: 'Sign in' }]);
    t.match(service(release, 'app'), {
      role: 'app',
      port: 3000,
      strategy: 'rolling',
      drainMs: 90_000,
      migrate: { up: ['node', 'm.js'], reversible: true, timeoutMs: 300_000 },
    });
    t.match(service(release, 'jobs'), { role: 'worker', drainMs: 75_000 });
    t.match(service(release, 'minio'), { role: 'minio', buckets: ['attachments'] });
    t.match(service(release, 'mailer'), { role: 'carried', compose: { secrets: ['smtp_password'] } });
    t.strictSame(release.volumes, ['mysql-data', 'files']);
    t.strictSame(release.warnings, []);
  },
);

t.test(
  'a service may use the secrets of the roles in its file, and no others that are not declared',
  async (t) => {
    const user = '  x: { image: a, secrets: [mysql_password, redis_password] }';
    const mysql = '  db: { image: a, x-onstead: { role: mysql, database: d, user: u } }';
    t.match(mistakesIn(small(`${user}\n${mysql}`)), [
      { message: 'The secret "redis_password" is not declared.' },
    ]);
    t.strictSame(mistakesIn(small(`${user}\n${mysql}\n  r: { image: a, x-onstead: { role: redis } }`)), []);
  },
);

t.test(
  'every mistake of a file is told at once, in the order of its lines, each with its cure',
  async (t) => {
    const mistakes = mistakesIn(`name: Notes App
x-onstead:
  version: 1.4
  upgrade: { from: "newer", stops: ["x"] }
  sizing: { ap: { replicas: 0 } }
  smok: []
services:
  app:
    image: app:1
    x-onstead:
      role: app
      port: 70000
      helth: /api/health
      drain: 30
      strategy: roling
  db:
    build: .
    x-onstead: { role: mysq }
  redis: { image: "redis:8", x-onstead: { role: redis, buckets: [] } }
  cache: { image: "redis:8", x-onstead: { role: redis } }
`);
    t.strictSame(
      mistakes.map(({ line, column, path }) => `${line}:${column} ${path}`),
      [
        '1:7 name',
        '3:12 x-onstead.version',
        '4:20 x-onstead.upgrade.from',
        '4:37 x-onstead.upgrade.stops[0]',
        '5:13 x-onstead.sizing.ap',
        '5:29 x-onstead.sizing.ap.replicas',
        '6:3 x-onstead.smok',
        '7:1 services',
        '10:5 services.app.x-onstead',
        '10:5 services.app.x-onstead',
        '12:13 services.app.x-onstead.port',
        '13:7 services.app.x-onstead.helth',
        '14:14 services.app.x-onstead.drain',
        '15:17 services.app.x-onstead.strategy',
        '16:3 services.db',
        '17:5 services.db.build',
        '18:24 services.db.x-onstead.role',
        '19:56 services.redis.x-onstead.buckets',
        '20:49 services.cache.x-onstead.role',
      ],
    );
    for (const mistake of mistakes) {
      t.equal(mistake.file, 'compose.yaml');
      t.match(mistake.message, /\.$/, mistake.message);
      t.match(mistake.fix, /[.?)]$/, mistake.fix);
    }
  },
);

t.test('what the release allows by name is no mistake, but is told to the administrator', async (t) => {
  const text = small(
    '  x: { image: a, privileged: true, network_mode: host, x-onstead: { allow: [privileged, host-network, devices] } }',
  );
  const { warnings, permissions } = parseRelease(text, 'compose.yaml');
  t.strictSame(
    permissions.map(({ name }) => name),
    ['privileged', 'host-network'],
  );
  t.strictSame(
    warnings.map(({ path }) => path),
    ['services.x.privileged', 'services.x.network_mode', 'services.x.x-onstead.allow'],
  );
});

t.test(
  'ports beside the edge are withdrawn with a warning; the holder of the edge may publish',
  async (t) => {
    const text = `name: n
x-onstead: { version: 1.0.0 }
services:
  app: { image: a, ports: ["1:1"], x-onstead: { role: app, port: 80, health: /h, ready: /r } }
  edge: { image: a, ports: ["443:443"] }
  nginx: { image: a, network_mode: "service:edge", x-onstead: { role: nginx } }
`;
    t.match(parseRelease(text, 'f').warnings, [{ path: 'services.app.ports', line: 4, column: 20 }]);
  },
);

t.test('anchors and merge keys work, and a mistake points at where the value really stands', async (t) => {
  const text = `name: n
x-onstead: { version: 1.0.0 }
x-app: &app
  image: "shared:1"
  x-onstead: &block { role: app, port: 80, health: /h, ready: /r }
services:
  one: { <<: *app }
  two:
    <<: *app
    x-onstead: { <<: *block, port: 81 }
  nginx: { image: a, x-onstead: { role: nginx } }
`;
  const release = parseRelease(text, 'f');
  t.match(service(release, 'one'), { image: 'shared:1', role: 'app', port: 80 });
  t.match(service(release, 'two'), { image: 'shared:1', role: 'app', port: 81 });
  const broken = mistakesIn(text.replace('port: 80', 'port: 0'));
  t.match(broken, [{ path: 'services.one.x-onstead.port', line: 5, column: 40 }]);
});

t.test('hostile YAML is refused quickly', async (t) => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
    .concat(
      [...'bcdefghi'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join()}]`),
    )
    .join('\n');
  t.match(mistakesIn(`${bomb}\n`), [{ message: /aliases/ }]);
  t.match(mistakesIn(`a: ${'['.repeat(50_000)}`), [{ message: /nested/ }]);
  t.match(mistakesIn(`- `.repeat(50_000)), [{ message: /nested/ }]);
  t.match(mistakesIn(`a: "${'x'.repeat(2_000_000)}"`), [{ message: /1 MB/ }]);
  t.ok(mistakesIn('a: &a { b: *a }\n').length > 0, 'an alias that holds itself');
  t.match(mistakesIn('a: {\n b: 1\nc: ]'), [{ line: 3 }], 'syntax errors carry their line');
  t.match(mistakesIn('--- \na: 1\n---\nb: 1\n'), [{ message: /document/ }]);
  for (const text of [
    '',
    '[]',
    '5',
    'null',
    'services: 5',
    'services: { app: }',
    'x-onstead: 5',
    'x-onstead: []',
  ]) {
    t.ok(mistakesIn(text).length > 0, JSON.stringify(text));
  }
  t.ok(
    mistakesIn('__proto__: { name: n }\nconstructor: 1\nservices: { __proto__: { image: a } }').length > 0,
  );
});

t.test('the default stack is a release without warnings', async (t) => {
  const text = await readFile(new URL('../../../compose/compose.yaml', import.meta.url), 'utf8');
  const release = parseRelease(text, 'compose/compose.yaml');
  t.equal(release.product, 'notes');
  t.strictSame(release.warnings, []);
});
