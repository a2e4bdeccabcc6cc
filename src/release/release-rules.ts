// What must hold between the parts of a release: roles, sizing, versions, secrets. Values that `shape.ts`
// already refused are passed over here, so that no mistake is told twice.

import isBelow from 'semver/functions/lt.js';
import validVersion from 'semver/functions/valid.js';
import validRange from 'semver/ranges/valid.js';
import type { Permission } from './permission.ts';
import type { ReleaseBlock } from './schema.ts';
import type { Allowance, Role } from './schema-services.ts';
import { ALLOWANCES, ROLES, ServiceBlocks, CarriedBlock } from './schema-services.ts';
import type { Reach } from './reaches.ts';
import { isMap } from './service-map.ts';
import type { Finding } from './shape.ts';
import { checkShape, nearest, show } from './shape.ts';
import type { YamlPath } from './yaml-source.ts';

type Map = Readonly<Record<string, unknown>>;

const SINGLE: readonly Role[] = ['mysql', 'redis', 'minio', 'nginx'];

export function roleOf(service: unknown): Role | undefined {
  const block = isMap(service) ? service['x-onstead'] : undefined;
  const role = isMap(block) ? block['role'] : undefined;
  return ROLES.find((one) => one === role);
}

/** The block of one service: by its role, or as carried. */
export function checkServiceBlock(name: string, service: Map): Finding[] {
  const path: YamlPath = ['services', name, 'x-onstead'];
  const block = service['x-onstead'];
  if (block === undefined) return [];
  if (!isMap(block)) {
    return [
      {
        path,
        at: 'value',
        message: `"x-onstead" is ${show(block)}; it must be a map of keys.`,
        fix: 'Write for example x-onstead: { role: app, … }.',
      },
    ];
  }
  const role = roleOf(service);
  if (role !== undefined)
    return [...checkShape(ServiceBlocks[role], block, path), ...migrationMistakes(block, path)];
  if (block['role'] !== undefined) return [unknownRole(block['role'], path)];
  if (Object.keys(block).every((key) => key in CarriedBlock.properties))
    return [...checkShape(CarriedBlock, block, path), ...outboundMistakes(service, path)];
  return [
    {
      path,
      at: 'key',
      message: 'This block names no role.',
      fix: `Add role: one of ${ROLES.join(', ')}; or remove the block to carry the service as it is.`,
    },
  ];
}

/** Who has another's network, or none, has no say about its way out. */
function outboundMistakes(service: Map, path: YamlPath): Finding[] {
  if (!isOutbound(service) || !/^(none|host|service:.+)$/.test(String(service['network_mode']))) return [];
  return [
    {
      path: [...path, 'outbound'],
      at: 'key',
      message: 'A service with a network_mode has no networks of its own.',
      fix: 'Remove outbound or network_mode.',
    },
  ];
}

function unknownRole(role: unknown, path: YamlPath): Finding {
  const near = typeof role === 'string' ? nearest(role, ROLES) : undefined;
  return {
    path: [...path, 'role'],
    at: 'value',
    message: `${show(role)} is not a role.`,
    fix: near === undefined ? `Write one of ${ROLES.join(', ')}.` : `Did you mean "${near}"?`,
  };
}

function migrationMistakes(block: Map, path: YamlPath): Finding[] {
  const migrate = block['migrate'];
  if (!isMap(migrate) || migrate['reversible'] !== true || migrate['down'] !== undefined) return [];
  return [
    {
      path: [...path, 'migrate', 'reversible'],
      at: 'value',
      message: 'A reversible migration needs the command that takes it back.',
      fix: 'Add down: [...], or write reversible: false.',
    },
  ];
}

export function checkRoles(services: Map): Finding[] {
  const named = Object.entries(services).map(([name, service]) => ({ name, role: roleOf(service) }));
  const doubles = SINGLE.flatMap((role) => {
    const [first, ...more] = named.filter((one) => one.role === role);
    return more.map(({ name }): Finding => ({
      path: ['services', name, 'x-onstead', 'role'],
      at: 'value',
      message: `"${first!.name}" is ${role} already; a stack has one.`,
      fix: `Keep one of the two, or remove the role of "${name}" to carry it as it is.`,
    }));
  });
  const reserved = named
    .filter(({ name }) => name.startsWith('onstead-'))
    .map(({ name }): Finding => ({
      path: ['services', name],
      at: 'key',
      message: `Service names that begin with "onstead-" belong to Onstead.`,
      fix: `Give "${name}" another name.`,
    }));
  const missing = (['app', 'nginx'] as const).filter((role) => !named.some((one) => one.role === role));
  return [
    ...doubles,
    ...reserved,
    ...missing.map((role): Finding => ({
      path: ['services'],
      at: 'key',
      message: `No service has the role ${role}.`,
      fix: `Add x-onstead: { role: ${role}${role === 'app' ? ', port: …, health: …, ready: …' : ''} } to a service.`,
    })),
  ];
}

export function checkVersions(block: Partial<ReleaseBlock>): Finding[] {
  const upgrade: unknown = block.upgrade;
  if (!isMap(upgrade)) return [];
  const path: YamlPath = ['x-onstead', 'upgrade'];
  const found: Finding[] = [];
  const from = upgrade['from'];
  if (typeof from === 'string' && from !== '' && validRange(from) === null) {
    found.push({
      path: [...path, 'from'],
      at: 'value',
      message: `${show(from)} is not a semver range.`,
      fix: 'Write for example from: ">=1.2.0".',
    });
  }
  const version = typeof block.version === 'string' ? validVersion(block.version) : null;
  const stops = Array.isArray(upgrade['stops']) ? upgrade['stops'] : [];
  stops.forEach((stop: unknown, index) => {
    if (version === null || typeof stop !== 'string' || validVersion(stop) === null) return;
    if (isBelow(stop, version)) return;
    found.push({
      path: [...path, 'stops', index],
      at: 'value',
      message: `The stop ${stop} is not before this release (${version}).`,
      fix: `Name only versions below ${version}.`,
    });
  });
  return found;
}

export function checkSizing(block: Map, services: Map): Finding[] {
  const sizing = block['sizing'];
  if (!isMap(sizing)) return [];
  const names = Object.keys(services);
  return Object.keys(sizing).flatMap((name): Finding[] => {
    const path: YamlPath = ['x-onstead', 'sizing', name];
    if (!Object.hasOwn(services, name)) {
      const near = nearest(name, names);
      const fix = near === undefined ? `Known services: ${names.join(', ')}.` : `Did you mean "${near}"?`;
      return [{ path, at: 'key', message: `There is no service "${name}".`, fix }];
    }
    const role = roleOf(services[name]);
    if (role === 'app' || role === 'worker' || role === undefined) return [];
    return [
      {
        path,
        at: 'key',
        message: `Onstead sizes ${role} itself from the machine.`,
        fix: 'Remove this entry.',
      },
    ];
  });
}

/** Splits reaches beyond the container into those not allowed (mistakes) and those allowed (told to the administrator). */
export function judgeReaches(
  name: string,
  service: Map,
  reaches: readonly Reach[],
): { mistakes: Finding[]; warnings: Finding[]; permissions: Permission[] } {
  const allowed = allowancesOf(service);
  const granted = reaches.filter(({ allowance }) => allowed.includes(allowance));
  const unused = allowed.filter((one) => !reaches.some((reach) => reach.allowance === one));
  return {
    mistakes: reaches.filter((reach) => !allowed.includes(reach.allowance)),
    warnings: [
      ...granted.map((reach): Finding => ({
        ...reach,
        fix: `The release allows it by x-onstead.allow: ${reach.allowance}.`,
      })),
      ...unused.map((one): Finding => ({
        path: ['services', name, 'x-onstead', 'allow'],
        at: 'key',
        message: `"${one}" is allowed but not used.`,
        fix: 'Remove it from the list.',
      })),
    ],
    permissions: [
      ...granted.map(({ allowance, opens }) => ({ service: name, name: allowance, opens })),
      ...(isOutbound(service) ? [{ service: name, name: 'outbound', opens: OUTSIDE }] : []),
    ],
  };
}

const OUTSIDE = "whatever this machine's network reaches, and the ports of the machine itself";

export function isOutbound(service: Map): boolean {
  const block = service['x-onstead'];
  return isMap(block) && block['outbound'] === true;
}

function allowancesOf(service: Map): Allowance[] {
  const block = service['x-onstead'];
  const list = isMap(block) && Array.isArray(block['allow']) ? block['allow'] : [];
  return ALLOWANCES.filter((one) => list.includes(one));
}
