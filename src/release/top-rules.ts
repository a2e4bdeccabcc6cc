// What a release must and may not hold outside its services.

import { mapAt } from './release-from.ts';
import { isMap } from './service-map.ts';
import { nearest, show } from './shape.ts';
import type { Finding } from './shape.ts';

type Map = Readonly<Record<string, unknown>>;

export function checkTop(root: Map): Finding[] {
  const found: Finding[] = [];
  const name = root['name'];
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name)) {
    found.push({
      path: ['name'],
      at: 'value',
      message:
        name === undefined
          ? '"name" is missing, the name of the product.'
          : `${show(name)} is not a product name.`,
      fix: 'Write for example name: notes (a-z, 0-9, - and _; at most 63).',
    });
  }
  if (root['x-onstead'] === undefined) {
    const typo = Object.keys(root).find((key) => nearest(key, ['x-onstead']) !== undefined);
    const path = typo === undefined ? [] : [typo];
    const fix =
      typo === undefined ? 'Add it, for example x-onstead: { version: 1.0.0 }.' : 'Did you mean "x-onstead"?';
    found.push({
      path,
      at: 'key',
      message: 'The file has no "x-onstead" block, which names the version.',
      fix,
    });
  }
  if (!isMap(root['services']) || Object.keys(root['services']).length === 0) {
    found.push({
      path: ['services'],
      at: 'value',
      message: 'The file has no services.',
      fix: 'Add services:.',
    });
  }
  if (root['include'] !== undefined) {
    found.push({
      path: ['include'],
      at: 'key',
      message: 'A release is one file; it cannot include others.',
      fix: 'Copy the services here.',
    });
  }
  return [...found, ...checkSecretNames(root), ...checkResources(root)];
}

function checkSecretNames(root: Map): Finding[] {
  return Object.keys(mapAt(root, 'secrets'))
    .filter((name) => !/^[a-z][a-z0-9_]{0,62}$/.test(name))
    .map((name) => ({
      path: ['secrets', name],
      at: 'key' as const,
      message: `"${name}" is not a name for a secret.`,
      fix: 'Use a-z, 0-9 and _, starting with a letter; at most 63.',
    }));
}

/** Volumes, networks and configurations must be made by the stack itself, from nothing but the file. */
function checkResources(root: Map): Finding[] {
  const mistake = (path: readonly string[], message: string, fix: string): Finding => ({
    path,
    at: 'key',
    message,
    fix,
  });
  return ['volumes', 'networks', 'configs'].flatMap((kind) =>
    Object.entries(mapAt(root, kind)).flatMap(([name, one]): Finding[] => {
      if (!isMap(one)) return [];
      const found: Finding[] = [];
      if (one['external'] !== undefined && one['external'] !== false) {
        found.push(
          mistake(
            [kind, name, 'external'],
            'An appliance has nothing that this file does not make.',
            'Remove external.',
          ),
        );
      }
      if (kind === 'configs' && one['file'] !== undefined) {
        found.push(
          mistake(
            [kind, name, 'file'],
            'The file is not part of the bundle.',
            'Write it under content, or put it into the image.',
          ),
        );
      }
      if (kind === 'volumes' && reachesFolder(one['driver_opts'])) {
        found.push(
          mistake(
            [kind, name, 'driver_opts'],
            'This volume is a folder or device of the machine.',
            'Mount it in the service that needs it, with x-onstead: { allow: [host-path] }.',
          ),
        );
      }
      if (kind === 'networks' && /host|macvlan|ipvlan|\$/.test(String(one['driver'] ?? ''))) {
        found.push(
          mistake(
            [kind, name, 'driver'],
            `A network of the kind ${show(one['driver'])} reaches around the edge.`,
            'Remove driver.',
          ),
        );
      }
      return found;
    }),
  );
}

function reachesFolder(options: unknown): boolean {
  if (!isMap(options)) return false;
  return /^[/~]|\$/.test(String(options['device'] ?? '')) || /bind|\$/.test(String(options['o'] ?? ''));
}
