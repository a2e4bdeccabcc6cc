// What the customer chose: `/etc/onstead/onstead.yaml`, the only file that people edit.

import { Type, type Static } from '../base/schema.ts';
import { OnsteadError } from '../base/errors.ts';
import { readTextIfAny } from '../base/files.ts';
import { GIB, parseBytes } from '../base/units.ts';
import { checkYaml } from '../release/index.ts';
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
  };
  /** The Compose project; the product's name unless chosen. */
  readonly project?: string;
  /** The most of the machine that Onstead may use. */
  readonly limits: MachineCaps;
}

const closed = { additionalProperties: false } as const;
const Port = Type.Integer({ minimum: 1, maximum: 65_535, expect: 'a port from 1 to 65535', example: '443' });
const Size = Type.String({
  pattern: '^\\d+(\\.\\d+)?\\s*[kKmMgGtT]([iI]?[bB])?$',
  expect: 'a size with its unit',
  example: '16G',
});

/** One name or address, written so that nothing else can follow it into a configuration file. */
const Host = Type.String({
  pattern: '^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$',
  expect: 'a host name or an address',
  example: 'notes.example.org',
});

export const SettingsFile = Type.Object(
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
              pattern: '^\\d{1,3}(\\.\\d{1,3}){3}$',
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
        },
        { ...closed, expect: 'a map with address, http, https, names or maxBody' },
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
  if (checked.ok) return settingsFrom(checked.value as SettingsFile); // its shape was checked just now
  const [first] = checked.mistakes;
  throw new OnsteadError(
    'settings.invalid',
    `The settings ${path} have ${checked.mistakes.length} mistakes.`,
    {
      next: first === undefined ? 'Correct the file.' : `Line ${first.line}: ${first.fix}`,
      details: checked.mistakes.map((mistake) => ({
        ...mistake,
        message: `${path}:${mistake.line}:${mistake.column} ${mistake.message}`,
      })),
    },
  );
}

function settingsFrom({ project, edge = {}, limits = {} }: SettingsFile): Settings {
  return {
    edge: {
      address: edge.address ?? '0.0.0.0',
      httpPort: edge.http ?? 80,
      httpsPort: edge.https ?? 443,
      names: edge.names ?? [],
      maxBodyBytes: edge.maxBody === undefined ? GIB : parseBytes(edge.maxBody),
    },
    ...(project === undefined ? {} : { project }),
    limits: {
      ...(limits.cpus === undefined ? {} : { cpus: limits.cpus }),
      ...(limits.memory === undefined ? {} : { memoryBytes: parseBytes(limits.memory) }),
      ...(limits.disk === undefined ? {} : { diskBytes: parseBytes(limits.disk) }),
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
