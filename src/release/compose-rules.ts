// What a release may not do with plain Compose keys: what would not survive shipping, and what reaches beyond
// the container without being named in `x-onstead.allow`. Each rule is one row.

import type { Finding } from './shape.ts';
import { nearest, show } from './shape.ts';
import { readReference } from './image-reference.ts';
import { isOnsteadsOwn } from './host-paths.ts';
import { reachesOf } from './reaches.ts';
import type { Reach } from './reaches.ts';
import { bindMounts, driveMounts, isMap, key, listOf, value } from './service-map.ts';
import type { At, ServiceMap } from './service-map.ts';
import type { YamlPath } from './yaml-source.ts';

export interface RuleContext {
  readonly name: string;
  readonly role: string | undefined;
  /** The services that own published ports: nginx, and the one whose network it joins. */
  readonly edge: readonly string[];
  readonly secrets: readonly string[];
}

export interface RuleFindings {
  readonly mistakes: Finding[];
  readonly warnings: Finding[];
  /** Reaches that need a permission, with where and why. */
  readonly reaches: readonly Reach[];
}

export function checkService(service: ServiceMap, context: RuleContext): RuleFindings {
  const at = (...rest: YamlPath): YamlPath => ['services', context.name, ...rest];
  return {
    mistakes: [
      ...imageMistakes(service, at),
      ...shippingMistakes(service, at),
      ...scalingMistakes(service, context, at),
      ...secretMistakes(service, context, at),
    ],
    warnings: serviceWarnings(service, context, at),
    reaches: reachesOf(service, at),
  };
}

function imageMistakes(service: ServiceMap, at: At): Finding[] {
  const { image } = service;
  if (image === undefined) {
    return [key(at(), 'This service names no image.', 'Add image: repository:tag; a release ships images.')];
  }
  if (typeof image === 'string' && image.includes('$')) {
    return [
      value(
        at('image'),
        `The image ${show(image)} holds a variable; a release names its images exactly.`,
        'Write the image out; give another one for a build with an override.',
      ),
    ];
  }
  if (typeof image === 'string' && readReference(image) !== undefined) return [];
  return [
    value(
      at('image'),
      `${show(image)} is not an image reference.`,
      'Write repository:tag, for example redis:8.2.1.',
    ),
  ];
}

function shippingMistakes(service: ServiceMap, at: At): Finding[] {
  const found: Finding[] = [];
  if (service['build'] !== undefined) {
    found.push(
      key(
        at('build'),
        'A release ships images; nothing is built on the appliance.',
        'Build the image before, name it under image: and remove build.',
      ),
    );
  }
  if (service['env_file'] !== undefined) {
    found.push(
      key(
        at('env_file'),
        'An env_file is not part of the bundle.',
        'Write the values under environment, and secrets under secrets.',
      ),
    );
  }
  // What a service takes over would be judged nowhere: permissions, users, secrets and volumes are read from it alone.
  if (service['extends'] !== undefined) {
    found.push(
      key(
        at('extends'),
        'A service of a release is written out; it cannot extend another.',
        'Copy the service here, or use a YAML anchor.',
      ),
    );
  }
  if (service['provider'] !== undefined) {
    found.push(
      key(
        at('provider'),
        'A provider is a program that runs on the machine itself.',
        'Use a service with an image.',
      ),
    );
  }
  for (const name of ['network_mode', 'pid', 'ipc']) {
    if (String(service[name] ?? '').startsWith('container:')) {
      found.push(
        value(at(name), 'This joins a container outside of the stack.', `Write ${name}: service:<name>.`),
      );
    }
  }
  if (service['volumes_from'] !== undefined) {
    found.push(
      key(
        at('volumes_from'),
        'This takes over what another container mounts.',
        'Mount the named volumes that it needs under volumes.',
      ),
    );
  }
  for (const { entry, path } of driveMounts(service, at)) {
    const [name, target] = entry.split(':');
    found.push(
      value(
        path,
        `Compose reads ${show(entry)} as a path of Windows.`,
        `Give the volume a longer name, or write { type: volume, source: ${name}, target: ${target} }.`,
      ),
    );
  }
  for (const { source, isReadOnly, path } of bindMounts(service, at)) {
    if (isOnsteadsOwn(source, isReadOnly)) {
      found.push(
        value(
          path,
          `The mount ${show(source)} is Onstead's own.`,
          'Put the files into the image, or use a named volume.',
        ),
      );
    }
    if (source.split('/').includes('..')) {
      found.push(
        value(
          path,
          `The mount ${show(source)} leaves the stack's folder.`,
          'Put the files into the image, or use a named volume.',
        ),
      );
    }
  }
  return found;
}

function scalingMistakes(service: ServiceMap, { role }: RuleContext, at: At): Finding[] {
  if (role !== 'app' && role !== 'worker') return [];
  const found: Finding[] = [];
  if (service['container_name'] !== undefined) {
    found.push(
      key(
        at('container_name'),
        'A fixed container name allows one replica only, and none beside it during an upgrade.',
        'Remove container_name.',
      ),
    );
  }
  if (service['network_mode'] !== undefined) {
    found.push(
      key(
        at('network_mode'),
        'The edge reaches an app or worker by its service name on the internal network.',
        'Remove network_mode.',
      ),
    );
  }
  return found;
}

function secretMistakes(service: ServiceMap, context: RuleContext, at: At): Finding[] {
  return listOf(service['secrets']).flatMap((entry, index) => {
    const name = isMap(entry) ? entry['source'] : entry;
    if (typeof name !== 'string' || context.secrets.includes(name)) return [];
    const near = nearest(name, context.secrets);
    return [
      value(
        at('secrets', index),
        `The secret "${name}" is not declared.`,
        near === undefined ? `Declare it at the top: secrets: { ${name}: {} }.` : `Did you mean "${near}"?`,
      ),
    ];
  });
}

function serviceWarnings(service: ServiceMap, { name, role, edge }: RuleContext, at: At): Finding[] {
  const found: Finding[] = [];
  if (service['ports'] !== undefined && !edge.includes(name)) {
    found.push(
      key(
        at('ports'),
        'Only the edge is published; these ports will be withdrawn.',
        'Remove ports, or use expose for other services.',
      ),
    );
  }
  if (role === 'app' || role === 'worker') {
    const deploy = service['deploy'];
    if (service['scale'] !== undefined || (isMap(deploy) && deploy['replicas'] !== undefined)) {
      const path = service['scale'] === undefined ? at('deploy', 'replicas') : at('scale');
      found.push(
        key(
          path,
          'Sizing decides the number of replicas; this one is ignored.',
          `Write it under x-onstead.sizing.${name}.replicas.`,
        ),
      );
    }
  }
  for (const { source, path } of bindMounts(service, at)) {
    if (source.startsWith('.') && !/^\.\/config(\/|$)/.test(source)) {
      found.push(
        value(path, `The mount ${show(source)} is not part of the bundle.`, 'Put the files into the image.'),
      );
    }
  }
  return found;
}
