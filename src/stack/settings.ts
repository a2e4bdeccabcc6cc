// What the customer chose: `/etc/onstead/onstead.yaml`, the only file that people edit. The daemon reads it when it
// starts; a change counts after a restart.

import { Type, type Static } from '../base/schema.ts';
import { OnsteadError } from '../base/errors.ts';
import { readTextIfAny } from '../base/files.ts';
import { GIB, parseBytes, parseDuration } from '../base/units.ts';
import { checkYaml, DURATION_PATTERN, type CheckedYaml } from '../release/index.ts';
import type { MachineCaps } from './machine-size.ts';

export interface Settings {
  readonly edge: {
    /** The address to listen on; 0.0.0.0 is every IPv4 address of the machine. */
    readonly address: string;
    readonly httpPort: number;
    readonly httpsPort: number;
    /** Names and addresses that the certificate covers beside the machine's own. */
    readonly names: readonly string[];
    readonly maxBodyBytes: number;
    /** Off: a reload of nginx may send a client of HTTP/2 away whose request has just begun. */
    readonly http2: boolean;
  };
  /** The Compose project; the product's name unless chosen. */
  readonly project?: string;
  /** The most of the machine that Onstead may use. */
  readonly limits: MachineCaps;
  readonly upgrade: {
    /** How long a new replica may take until it says that it is ready. */
    readonly readyWithinMs: number;
    /** How long new replicas are watched before an upgrade goes on. */
    readonly soakMs: number;
    /** How long the old replicas run on after blue-green's switch. */
    readonly keepWarmMs: number;
    /** How long a request waits at most while a data service is replaced. */
    readonly holdMs: number;
  };
}

const WARM_AT_MOST_MS = 24 * 3_600_000;

const closed = { additionalProperties: false } as const;
const Port = Type.Integer({ minimum: 1, maximum: 65_535, expect: 'a port from 1 to 65535', example: '443' });
const Size = Type.String({
  pattern: '^(?=.*[1-9])\\d+(\\.\\d+)?\\s*[kKmMgGtT]([iI]?[bB])?$',
  expect: 'a size above nothing with its unit',
  example: '16G',
});

const Duration = Type.String({
  pattern: DURATION_PATTERN,
  expect: 'a duration with its unit',
  example: '30s',
});

const OCTET = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
/** What a machine can have: not 0.x, and none of the groups and reserved ones from 224 on. */
const OWN_IPV4 = `(?!0\\.)(?!22[4-9]|2[345]\\d)${OCTET}(\\.${OCTET}){3}`;
const GROUP = '[0-9A-Fa-f]{1,4}';
const GROUPS = `${GROUP}(:${GROUP})*`;
/** Eight groups, or fewer around one "::", which stands for at least one. */
const COLONS = '(?=([^:]*:){2,7}[^:]*$|::([^:]*:){6}[^:]*$|([^:]*:){6}[^:]*::$)';
const IPV6 = `(${GROUP}:){7}${GROUP}|(?=.{2,39}$)${COLONS}(?!.*::.*::)(${GROUPS})?::(${GROUPS})?`;
const LABEL = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
/** What ends in a number is an address, and a wrong one if it came here. */
const HOST_NAME = `(?=.{1,253}$)(${LABEL}\\.)*(?!\\d+$)${LABEL}`;

/** One name or address, written so that nothing else can follow it into a configuration file. */
const Host = Type.String({
  pattern: `^(${HOST_NAME}|${OWN_IPV4}|${IPV6})$`,
  expect: 'a host name or an address',
  example: 'notes.example.org',
});

const SettingsFile = Type.Object(
  {
    project: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9][a-z0-9_-]{0,50}$',
        expect: 'a Compose project name (a-z, 0-9, _ and -)',
        example: 'notes',
      }),
    ),
    edge: Type.Optional(
      Type.Object(
        {
          address: Type.Optional(
            Type.String({
              pattern: `^(0\\.0\\.0\\.0|${OWN_IPV4})$`,
              expect: 'an IPv4 address of this machine, or 0.0.0.0 for all',
              example: '0.0.0.0',
            }),
          ),
          http: Type.Optional(Port),
          https: Type.Optional(Port),
          names: Type.Optional(
            Type.Array(Host, { maxItems: 100, expect: 'a list of names', example: '[notes.lan]' }),
          ),
          maxBody: Type.Optional(Size),
          http2: Type.Optional(Type.Boolean({ expect: 'true or false', example: 'true' })),
        },
        { ...closed, expect: 'a map with address, http, https, names, maxBody or http2' },
      ),
    ),
    limits: Type.Optional(
      Type.Object(
        {
          cpus: Type.Optional(
            Type.Number({ exclusiveMinimum: 0, maximum: 4096, expect: 'a number of CPUs', example: '4' }),
          ),
          memory: Type.Optional(Size),
          disk: Type.Optional(Size),
        },
        { ...closed, expect: 'a map with cpus, memory or disk' },
      ),
    ),
    upgrade: Type.Optional(
      Type.Object(
        {
          readyWithin: Type.Optional(Duration),
          soak: Type.Optional(Duration),
          keepWarm: Type.Optional(Duration),
          hold: Type.Optional(Duration),
        },
        { ...closed, expect: 'a map with readyWithin, soak, keepWarm or hold' },
      ),
    ),
  },
  closed,
);
type SettingsFile = Static<typeof SettingsFile>;

export const defaultSettings: Settings = settingsFrom({});

export async function readSettings(path: string): Promise<Settings> {
  return parseSettings(await readText(path), path);
}

export function parseSettings(text: string, path: string): Settings {
  const checked = checkYaml(text, path, SettingsFile);
  if (!checked.ok) throw invalid(path, checked.mistakes);
  const file = checked.value as SettingsFile; // its shape was checked just now
  for (const rule of [differentPorts(file), shortWarmth(file)]) {
    const followed = checkYaml(text, path, rule);
    if (!followed.ok) throw invalid(path, followed.mistakes);
  }
  return settingsFrom(file);
}

/** The edge cannot listen twice at one port, a default counted too; the mistake is placed at what was written. */
function differentPorts({ edge = {} }: SettingsFile) {
  const { httpPort, httpsPort } = settingsFrom({ edge }).edge;
  const otherThan = (port: number, name: string, isWritten: boolean, example: string) =>
    Type.Union([Type.Integer({ maximum: port - 1 }), Type.Integer({ minimum: port + 1 })], {
      expect: `another port than "${name}", which is ${port}${isWritten ? '' : ' unless chosen'}`,
      example,
    });
  const isHttpWritten = edge.http !== undefined;
  const https =
    edge.https === undefined
      ? {}
      : { https: otherThan(httpPort, 'http', isHttpWritten, freePort(httpPort, '443', '8443')) };
  const http =
    edge.https === undefined && isHttpWritten
      ? { http: otherThan(httpsPort, 'https', false, freePort(httpsPort, '80', '8080')) }
      : {};
  return Type.Object({ edge: Type.Optional(Type.Object({ ...http, ...https })) });
}

/** While the old replicas are warm the upgrade is under way, and whatever else would change the stack waits. */
function shortWarmth({ upgrade = {} }: SettingsFile) {
  const isLong = settingsFrom({ upgrade }).upgrade.keepWarmMs > WARM_AT_MOST_MS;
  const keepWarm = Type.String({ maxLength: 0, expect: 'a duration of at most 24h', example: '5m' });
  return Type.Object({
    upgrade: Type.Optional(Type.Object(isLong ? { keepWarm: Type.Optional(keepWarm) } : {})),
  });
}

/** What is written as an example must not be the mistake again. */
function freePort(taken: number, usual: string, other: string): string {
  return String(taken) === usual ? other : usual;
}

type Mistakes = Extract<CheckedYaml, { readonly ok: false }>['mistakes'];

function invalid(path: string, mistakes: Mistakes): OnsteadError {
  const many = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
  const [first] = mistakes;
  return new OnsteadError('settings.invalid', `The settings ${path} have ${many}.`, {
    next: first === undefined ? 'Correct the file.' : `Line ${first.line}: ${first.fix}`,
    details: mistakes.map((mistake) => ({
      ...mistake,
      message: `${path}:${mistake.line}:${mistake.column} ${mistake.message} ${mistake.fix}`,
    })),
  });
}

function settingsFrom({ project, edge = {}, limits = {}, upgrade = {} }: SettingsFile): Settings {
  return {
    edge: {
      address: edge.address ?? '0.0.0.0',
      httpPort: edge.http ?? 80,
      httpsPort: edge.https ?? 443,
      names: edge.names ?? [],
      maxBodyBytes: edge.maxBody === undefined ? GIB : parseBytes(edge.maxBody),
      http2: edge.http2 ?? false,
    },
    ...(project === undefined ? {} : { project }),
    limits: {
      ...(limits.cpus === undefined ? {} : { cpus: limits.cpus }),
      ...(limits.memory === undefined ? {} : { memoryBytes: parseBytes(limits.memory) }),
      ...(limits.disk === undefined ? {} : { diskBytes: parseBytes(limits.disk) }),
    },
    upgrade: {
      readyWithinMs: parseDuration(upgrade.readyWithin ?? '3m'),
      soakMs: parseDuration(upgrade.soak ?? '30s'),
      keepWarmMs: parseDuration(upgrade.keepWarm ?? '5m'),
      holdMs: parseDuration(upgrade.hold ?? '60s'),
    },
  };
}

async function readText(path: string): Promise<string> {
  try {
    return (await readTextIfAny(path)) ?? '';
  } catch (cause) {
    throw new OnsteadError('settings.unreadable', `The settings ${path} cannot be read.`, {
      next: 'Check that it is a file and that root may read it.',
      cause,
    });
  }
}
