// A target of a plan, as the appliance would observe it for a release.

import { GIB } from '../../../src/base/units.ts';
import type { InstallTarget } from '../../../src/deploy/install-plan.ts';
import type { Release } from '../../../src/release/index.ts';
import { secretNamesOf } from '../../../src/stack/index.ts';
import { inputFor } from '../stack/lab.ts';

export function targetOf(release: Release): InstallTarget {
  return {
    bundle: { path: '/bundles/notes.tar', id: 'abc' },
    project: 'notes',
    product: release.product,
    title: release.title,
    version: release.version,
    keyId: 'KEY',
    services: release.services,
    permissions: release.permissions,
    images: release.services.map(({ name }) => ({
      service: name,
      tag: `x/${name}:sha256-1`,
      configDigest: `sha256:${name}`,
      diffIds: [],
    })),
    volumes: release.volumes.map((key) => ({ key, name: `notes_${key}`, owner: '1:1' })),
    secrets: secretNamesOf(release),
    sizing: inputFor(release).plan,
    hosts: ['localhost'],
    needs: {
      project: 'notes',
      architecture: 'amd64',
      cpus: 1,
      memoryBytes: GIB,
      imageBytes: GIB,
      imagesToLoad: true,
      createdAt: '2026-11-20T00:00:00Z',
    },
    loads: [],
  };
}
