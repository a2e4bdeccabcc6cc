// The engine's side of a build: which demo images it has already, and loading the ones it has not.

import Docker from 'dockerode';
import { text } from 'node:stream/consumers';
import { OnsteadError, messageOf } from '../../src/base/errors.ts';
import { archiveOf } from './archive.ts';
import type { ImageFile } from './archive.ts';

export const LABEL = {
  image: 'onstead.demo.image',
  recipe: 'onstead.demo.recipe',
  name: 'onstead.demo.name',
  packages: 'onstead.demo.packages',
};

export interface BuiltImage {
  readonly name: string;
  readonly image: string;
  readonly id: string;
  readonly sizeBytes: number;
  readonly cached: boolean;
}

export class ImageStore {
  readonly #docker = new Docker();

  /** Recipe hash → the image built from it. */
  async findBuilt(): Promise<Map<string, BuiltImage>> {
    const images = await this.#docker
      .listImages({ filters: { label: [LABEL.recipe] } })
      .catch((cause: unknown) => {
        throw new OnsteadError(
          'engine.unreachable',
          `The Docker engine does not answer: ${messageOf(cause)}`,
          {
            next: 'Start it (for example: systemctl start docker), then try again.',
            cause,
          },
        );
      });
    const found = new Map<string, BuiltImage>();
    for (const image of images) {
      // An image may carry other people's tags too; only its own one counts, and only while it is there.
      const tag = image.Labels[LABEL.image];
      if (tag === undefined || image.RepoTags?.includes(tag) !== true) continue;
      const name = image.Labels[LABEL.name] ?? tag;
      found.set(image.Labels[LABEL.recipe]!, {
        name,
        image: tag,
        id: image.Id,
        sizeBytes: image.Size,
        cached: true,
      });
    }
    return found;
  }

  async load(name: string, images: readonly ImageFile[]): Promise<BuiltImage[]> {
    const before = await Promise.all(images.map((image) => this.#idOf(image.tag)));
    const answer = await this.#docker.loadImage(archiveOf(images), { quiet: true });
    const said = await text(answer);
    const failure = /"error":"([^"]*)"/.exec(said)?.[1];
    if (failure !== undefined) {
      throw new OnsteadError('engine.load', `The engine refused the image ${name}: ${failure}`, {
        next: 'Look for free disk space under the engine’s data folder, then try again.',
      });
    }
    const loaded = await Promise.all(images.map((image) => this.#describe(name, image.tag)));
    await Promise.all(before.map((id, index) => this.#dropOld(id, loaded[index]!.id)));
    return loaded;
  }

  async #describe(name: string, tag: string): Promise<BuiltImage> {
    const found = await this.#docker.getImage(tag).inspect();
    return { name, image: tag, id: found.Id, sizeBytes: found.Size, cached: false };
  }

  async #idOf(tag: string): Promise<string | undefined> {
    const found = await this.#docker
      .getImage(tag)
      .inspect()
      .catch(() => undefined);
    return found?.Id;
  }

  /** The image that a tag named before, unless a container still uses it. */
  async #dropOld(before: string | undefined, now: string): Promise<void> {
    if (before === undefined || before === now) return;
    await this.#docker
      .getImage(before)
      .remove()
      .catch(() => {});
  }
}
