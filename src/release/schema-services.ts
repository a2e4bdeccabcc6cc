// The `x-onstead` block of one service, by its role; each shape written once, as in schema.ts.

import { Type, type Static, type TObject } from '../base/schema.ts';
import { closed, Command, Duration, Path } from './schema-fields.ts';

export const ROLES = ['app', 'worker', 'mysql', 'redis', 'minio', 'nginx'] as const;
export type Role = (typeof ROLES)[number];

export const STRATEGIES = ['rolling', 'blue-green', 'canary'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** What a service may only do when the release says so by name, because it reaches beyond its container. */
export const ALLOWANCES = [
  'privileged',
  'host-network',
  'host-pid',
  'host-ipc',
  'host-path',
  'host-kernel',
  'docker-socket',
  'devices',
  'capabilities',
  'unconfined',
] as const;
export type Allowance = (typeof ALLOWANCES)[number];

const Allow = Type.Optional(
  Type.Array(Type.Enum([...ALLOWANCES], { expect: `one of ${ALLOWANCES.join(', ')}` }), {
    description:
      'What this service may do beyond its own container. Without it each of these is a mistake; with it, it is shown to the administrator.',
    maxItems: ALLOWANCES.length,
    expect: 'a list of permissions',
    example: '[devices]',
  }),
);

const drain = Type.Optional(
  Duration(
    'How long a replica may finish its work after being told to stop, and downloads through it may last. Default 75s.',
  ),
);

const outbound = Type.Optional(
  Type.Boolean({
    description:
      'Whether this service may begin connections to what lies outside the stack: mail, LDAP, a licence server. It is shown to the administrator. Default false.',
    expect: 'true or false',
    example: 'true',
  }),
);

const Migrate = Type.Object(
  {
    up: Command(
      'Brings the database to this release. It must bear being run again: when all of it is applied already, and after a power cut or a restart of the engine ended it half way.',
      '[node, migrate.js, up]',
    ),
    down: Type.Optional(
      Command(
        'Takes back the newest migration, or all of this release; it is run until `status` prints what it printed before.',
        '[node, migrate.js, down]',
      ),
    ),
    status: Type.Optional(
      Command(
        'Prints what is applied: the same words for the same state. Without it nobody knows when `down` is done, and a rollback restores the copy.',
        '[node, migrate.js, status]',
      ),
    ),
    reversible: Type.Boolean({
      description:
        'Whether `down` brings the database back without loss. If not, a rollback restores the copy.',
      expect: 'true or false',
      example: 'true',
    }),
    timeout: Type.Optional(Duration('How long `up` or `down` may take. Default 15m.')),
  },
  {
    ...closed,
    description:
      'Database migrations, run in a container of this image before its replicas start. One that was interrupted is run again.',
  },
);

const App = Type.Object(
  {
    role: Type.Literal('app', { description: 'Serves the requests that come through the edge.' }),
    port: Type.Integer({
      description: 'The port inside the container.',
      minimum: 1,
      maximum: 65_535,
      expect: 'a port from 1 to 65535',
      example: '3000',
    }),
    health: Path('Answers while the process is alive.', '/api/health'),
    ready: Path('Answers 200 once the replica may take traffic.', '/api/ready'),
    metrics: Type.Optional(Path('Prometheus text.', '/metrics')),
    migrate: Type.Optional(Migrate),
    strategy: Type.Optional(
      Type.Enum([...STRATEGIES], {
        description: 'How replicas are replaced. Default rolling.',
        expect: `one of ${STRATEGIES.join(', ')}`,
        example: 'rolling',
      }),
    ),
    drain,
    outbound,
    allow: Allow,
  },
  { ...closed, description: 'A service of the vendor that answers HTTP.' },
);

const Worker = Type.Object(
  {
    role: Type.Literal('worker', { description: 'Works in the background.' }),
    drain,
    outbound,
    allow: Allow,
  },
  { ...closed, description: 'A service of the vendor that answers nobody.' },
);

const Mysql = Type.Object(
  {
    role: Type.Literal('mysql', { description: 'The database.' }),
    database: Type.String({
      description: 'The schema made for the app.',
      pattern: '^[A-Za-z][A-Za-z0-9_]{0,63}$',
      expect: 'a name of letters, digits and _ (at most 64)',
      example: 'notes',
    }),
    user: Type.String({
      description: "The app's user. Its password is the secret `mysql_password`.",
      pattern: '^(?!root$|mysql)[A-Za-z][A-Za-z0-9_]{0,31}$',
      expect: 'a name of letters, digits and _ (at most 32) that is not root and does not start with mysql',
      example: 'notes',
    }),
    allow: Allow,
  },
  { ...closed, description: 'MySQL. At most one.' },
);

const Redis = Type.Object(
  { role: Type.Literal('redis', { description: 'Cache, sessions and queues.' }), allow: Allow },
  { ...closed, description: 'Redis. At most one.' },
);

const Minio = Type.Object(
  {
    role: Type.Literal('minio', { description: 'The object store.' }),
    buckets: Type.Array(
      Type.String({
        pattern: '^(?!.*\\.\\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
        expect: 'a bucket name (3 to 63 of a-z, 0-9, . and -)',
        example: 'attachments',
      }),
      {
        description: 'Buckets that exist before the app starts.',
        minItems: 1,
        maxItems: 100,
        expect: 'a list of bucket names',
        example: '[attachments]',
      },
    ),
    allow: Allow,
  },
  { ...closed, description: 'An S3 object store. At most one.' },
);

const Nginx = Type.Object(
  { role: Type.Literal('nginx', { description: 'The edge, the only way in.' }), allow: Allow },
  { ...closed, description: 'nginx. Exactly one.' },
);

const Carried = Type.Object(
  { outbound, allow: Allow },
  { ...closed, description: 'A service without a role: carried as it is.' },
);

export const ServiceBlocks = {
  app: App,
  worker: Worker,
  mysql: Mysql,
  redis: Redis,
  minio: Minio,
  nginx: Nginx,
} as const satisfies Record<Role, TObject>;

export const CarriedBlock = Carried;

export type ServiceBlock = Static<(typeof ServiceBlocks)[Role]>;
