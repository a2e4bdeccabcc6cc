// A service that joins another's namespace has what that one was given there; the administrator is told so of both.

import type { Permission } from './permission.ts';
import { isMap } from './service-map.ts';

type Map = Readonly<Record<string, unknown>>;

const NAMESPACES: readonly (readonly [key: string, names: readonly string[]])[] = [
  ['network_mode', ['host-network', 'outbound']],
  ['pid', ['host-pid']],
  ['ipc', ['host-ipc']],
];

export function joinedPermissions(services: Map, permissions: readonly Permission[]): Permission[] {
  return Object.keys(services).flatMap((service) =>
    NAMESPACES.flatMap(([key, names]) => {
      const owner = ownerOf(services, service, key);
      if (owner === service) return [];
      return permissions
        .filter((one) => one.service === owner && names.includes(one.name))
        .map((one) => ({ ...one, service }));
    }),
  );
}

/** Where the chain of joins ends; a chain that bites its tail ends anywhere. */
function ownerOf(services: Map, name: string, key: string, seen: readonly string[] = []): string {
  const service = services[name];
  const joined = /^service:(.+)$/.exec(String((isMap(service) ? service[key] : undefined) ?? ''))?.[1];
  if (joined === undefined || seen.includes(name)) return name;
  return ownerOf(services, joined, key, [...seen, name]);
}
