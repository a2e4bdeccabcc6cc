// Reading a Compose service as plain data, for the rules.

import type { Finding } from './shape.ts';
import type { YamlPath } from './yaml-source.ts';

export type ServiceMap = Readonly<Record<string, unknown>>;

/** Where a key of the service stands in the file. */
export type At = (...rest: YamlPath) => YamlPath;

export function value(path: YamlPath, message: string, fix: string): Finding {
  return { path, at: 'value', message, fix };
}

export function key(path: YamlPath, message: string, fix: string): Finding {
  return { path, at: 'key', message, fix };
}

export interface Bind {
  readonly source: string;
  readonly isReadOnly: boolean;
  readonly path: YamlPath;
}

export function bindMounts(service: ServiceMap, at: At): Bind[] {
  return listOf(service['volumes']).flatMap((entry, index) => {
    const path = at('volumes', index);
    if (isMap(entry)) {
      return /^bind$|\$/.test(String(entry['type'])) && typeof entry['source'] === 'string'
        ? [{ source: entry['source'], isReadOnly: entry['read_only'] === true, path }]
        : [];
    }
    // A variable may bring the colons with it.
    const [source = '', ...rest] = typeof entry === 'string' ? entry.split(':') : [];
    if (!/^[./~$]/.test(source) || (rest.length === 0 && !source.includes('$'))) return [];
    return [{ source, isReadOnly: (rest[1] ?? '').split(',').includes('ro'), path }];
  });
}

/** Mounts whose short form Compose reads otherwise than it is meant: `d:/data` is a path of Windows to it. */
export function driveMounts(service: ServiceMap, at: At): { entry: string; path: YamlPath }[] {
  return listOf(service['volumes']).flatMap((entry, index) =>
    typeof entry === 'string' && /^\p{L}:/u.test(entry) ? [{ entry, path: at('volumes', index) }] : [],
  );
}

export function isMap(thing: unknown): thing is Record<string, unknown> {
  return thing !== null && typeof thing === 'object' && !Array.isArray(thing);
}

export function listOf(thing: unknown): readonly unknown[] {
  return Array.isArray(thing) ? thing : [];
}

export function isEmpty(thing: unknown): boolean {
  return thing === undefined || thing === null || (Array.isArray(thing) && thing.length === 0);
}
