// Finds and removes what the stack has on the engine. It goes by labels alone, so it works when the daemon is
// stopped or broken, and never touches anybody else's containers, volumes or images.

import type { Engine } from '../engine/index.ts';
import { imagesOf } from './image-name.ts';
import { volumeLabels } from './volumes.ts';

export interface StackParts {
  readonly project: string | undefined;
  readonly containers: readonly { readonly id: string; readonly name: string }[];
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
  readonly images: readonly string[];
}

const COMPOSE_FOLDER = 'com.docker.compose.project.working_dir';
const COMPOSE_PROJECT = 'com.docker.compose.project';

export async function findStackParts(engine: Engine, stackFolder: string): Promise<StackParts> {
  const containers = await engine.containers.list({ labels: [`${COMPOSE_FOLDER}=${stackFolder}`] });
  const volumes = await engine.volumes.list({ labels: [`${volumeLabels.folder}=${stackFolder}`] });
  const project = containers[0]?.project ?? volumes[0]?.labels[volumeLabels.project];
  const networks =
    project === undefined ? [] : await engine.networks.list({ labels: [`${COMPOSE_PROJECT}=${project}`] });
  const images = project === undefined ? [] : await engine.images.list({ reference: imagesOf(project) });
  return {
    project,
    containers: containers.map(({ id, name }) => ({ id, name })),
    networks: networks.map(({ name }) => name),
    volumes: volumes.map(({ name }) => name),
    images: images
      .flatMap(({ repoTags }) => repoTags)
      .filter((tag) => tag.startsWith(imagesOf(project ?? '').slice(0, -1))),
  };
}

export async function removeStackParts(
  engine: Engine,
  parts: StackParts,
  options: { readonly keepVolumes: boolean; readonly onRemoved: (what: string) => void },
): Promise<void> {
  const { keepVolumes, onRemoved } = options;
  await Promise.all(parts.containers.map(({ id }) => engine.containers.stop(id)));
  for (const { id, name } of parts.containers) {
    await engine.containers.remove(id);
    onRemoved(`container ${name}`);
  }
  for (const name of parts.networks) {
    await engine.networks.remove(name);
    onRemoved(`network ${name}`);
  }
  for (const name of keepVolumes ? [] : parts.volumes) {
    await engine.volumes.remove(name);
    onRemoved(`volume ${name}`);
  }
  for (const image of parts.images) {
    await engine.images.remove(image);
    onRemoved(`image ${image}`);
  }
}
