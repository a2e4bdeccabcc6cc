// A checked file → a Release: defaults filled in, units parsed. The file is known to be right here, so the casts only
// name what the schema has checked.

import compareBuild from 'semver/functions/compare-build.js';
import { parseBytes, parseDuration } from '../base/units.ts';
import type { Mistake, Release, ReleaseService, ServiceSizing, SmokeCheck } from './release.ts';
import type { Permission } from './permission.ts';
import { isOutbound, roleOf } from './release-rules.ts';
import { roleSecrets } from './role-secrets.ts';
import { isMap } from './service-map.ts';
import type { ReleaseBlock, SizingBlock } from './schema.ts';
import type { ServiceBlock } from './schema-services.ts';

type Map = Readonly<Record<string, unknown>>;

/** A download of a minute goes on to its end. */
const DRAIN_MS = 75_000;
const MIGRATION_MS = 15 * 60_000;

export function releaseFrom(
  root: Map,
  permissions: readonly Permission[],
  warnings: readonly Mistake[],
): Release {
  const block = root['x-onstead'] as ReleaseBlock;
  const services = root['services'] as Record<string, Record<string, unknown>>;
  const product = root['name'] as string;
  return {
    product,
    title: block.title ?? product,
    version: block.version,
    ...(block.notes === undefined ? {} : { notes: block.notes }),
    upgrade: {
      ...(block.upgrade?.from === undefined ? {} : { from: block.upgrade.from }),
      stops: [...new Set(block.upgrade?.stops)].sort(compareBuild),
    },
    sizing: Object.fromEntries(
      Object.entries(block.sizing ?? {}).map(([name, one]) => [name, sizingFrom(one)]),
    ),
    smoke: (block.smoke ?? []).map((check): SmokeCheck => ({ ...check, status: check.status ?? 200 })),
    services: Object.entries(services).map(([name, service]) => serviceFrom(name, service)),
    volumes: Object.keys(mapAt(root, 'volumes')),
    permissions,
    warnings,
  };
}

function sizingFrom({ perReplica, replicas = 'auto', usersPerReplica }: SizingBlock): ServiceSizing {
  return {
    ...(perReplica === undefined
      ? {}
      : { perReplica: { cpus: perReplica.cpu, memoryBytes: parseBytes(perReplica.memory) } }),
    replicas,
    ...(usersPerReplica === undefined ? {} : { usersPerReplica }),
  };
}

function serviceFrom(name: string, service: Record<string, unknown>): ReleaseService {
  const { 'x-onstead': block, ...compose } = service;
  const base = { name, image: service['image'] as string, isOutbound: isOutbound(service), compose };
  if (roleOf(service) === undefined) return { ...base, role: 'carried' };
  return roleFrom(base, block as ServiceBlock);
}

function roleFrom(
  base: Omit<ReleaseService & { role: 'carried' }, 'role'>,
  block: ServiceBlock,
): ReleaseService {
  switch (block.role) {
    case 'app': {
      const { allow: _, outbound: __, migrate, strategy = 'rolling', drain, ...rest } = block;
      const migration = migrate === undefined ? {} : { migrate: migrationFrom(migrate) };
      return { ...base, ...rest, ...migration, strategy, drainMs: drainMs(drain) };
    }
    case 'worker':
      return { ...base, role: 'worker', drainMs: drainMs(block.drain) };
    case 'mysql':
      return { ...base, role: 'mysql', database: block.database, user: block.user };
    case 'minio':
      return { ...base, role: 'minio', buckets: block.buckets };
    default:
      return { ...base, role: block.role };
  }
}

function migrationFrom({ timeout, ...rest }: NonNullable<Extract<ServiceBlock, { role: 'app' }>['migrate']>) {
  return { ...rest, timeoutMs: timeout === undefined ? MIGRATION_MS : parseDuration(timeout) };
}

function drainMs(text: string | undefined): number {
  return text === undefined ? DRAIN_MS : parseDuration(text);
}

/** The secrets that a service of this file may name. */
export function secretsOf(root: Map, services: Map): string[] {
  const roles = Object.values(services).map((service) => roleOf(service));
  const implied = Object.entries(roleSecrets).filter(([role]) => roles.some((one) => one === role));
  return [...new Set([...implied.flatMap(([, names]) => names), ...Object.keys(mapAt(root, 'secrets'))])];
}

export function mapAt(root: Map, key: string): Map {
  const found = root[key];
  return isMap(found) ? found : {};
}
