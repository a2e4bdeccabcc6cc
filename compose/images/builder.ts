// Builds what the engine does not have yet. An image is known by a hash over its recipe, so a second build
// only asks the engine one question and touches no network.

import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes, formatDuration } from '../../src/base/units.ts';
import { describeImage } from './archive.ts';
import { BASE_PACKAGES, baseTree } from './base/layer.ts';
import { keepFiles, packagesOf } from './closure.ts';
import { unpackPackages } from './debian.ts';
import type { PackagedFiles } from './debian.ts';
import { LayerStore, hashOf } from './layers.ts';
import { withLock } from './lock.ts';
import { mysql } from './mysql/recipe.ts';
import { nginx } from './nginx/recipe.ts';
import { notesImages, planNotes } from './notes/recipe.ts';
import type { NotesImage } from './notes/recipe.ts';
import { objectStore } from './object-store/recipe.ts';
import { redis } from './redis/recipe.ts';
import { REPOSITORY } from './recipe.ts';
import type { Recipe } from './recipe.ts';
import { ImageStore, LABEL } from './store.ts';
import type { BuiltImage } from './store.ts';
import type { Layer, Tree } from './tree.ts';

const SERVICES: readonly Recipe[] = [mysql, redis, nginx, objectStore];
export const IMAGE_NAMES: readonly string[] = [...SERVICES.map((recipe) => recipe.name), 'notes'];

export interface BuildOptions {
  /** Only these; all when absent. */
  readonly only?: readonly string[];
  /** Build again although the recipe is the same, to take newer packages. */
  readonly refresh?: boolean;
  readonly say?: (line: string) => void;
}

const HERE = import.meta.dirname;
const CACHE = join(HERE, '.cache');

export async function buildImages(options: BuildOptions = {}): Promise<BuiltImage[]> {
  return new Build(options).run();
}

interface Base {
  readonly layer: Layer;
  readonly tree: Tree;
}

class Build {
  readonly #store = new ImageStore();
  readonly #layers = new LayerStore(join(CACHE, 'layers'));
  readonly #options: BuildOptions;
  readonly #say: (line: string) => void;

  constructor(options: BuildOptions) {
    this.#options = options;
    this.#say = options.say ?? (() => {});
  }

  async run(): Promise<BuiltImage[]> {
    const known = await this.#findAll();
    if (known !== undefined) return known;
    const lock = join(CACHE, 'lock');
    return withLock(
      lock,
      async () => (await this.#findAll()) ?? this.#buildMissing(),
      () => this.#say(`waiting for another build to end (${lock})`),
    );
  }

  /** All that is wanted, when the engine has it all. */
  async #findAll(): Promise<BuiltImage[] | undefined> {
    if (this.#options.refresh === true) return undefined;
    const built = await this.#store.findBuilt();
    const hashes = [
      ...this.#wantedServices().map(recipeHash),
      ...this.#wantedNotes().map((image) => image.hash),
    ];
    const found = hashes.map((hash) => built.get(hash));
    return found.every((image) => image !== undefined) ? found : undefined;
  }

  async #buildMissing(): Promise<BuiltImage[]> {
    const built =
      this.#options.refresh === true ? new Map<string, BuiltImage>() : await this.#store.findBuilt();
    const recipes = this.#wantedServices();
    const missing = recipes.filter((recipe) => !built.has(recipeHash(recipe)));
    const fresh = missing.length === 0 ? [] : await this.#buildServices(missing);
    const images = recipes.map(
      (recipe) => built.get(recipeHash(recipe)) ?? fresh.find((image) => image.name === recipe.name)!,
    );
    return [...images, ...(await this.#buildNotes(built))];
  }

  #isWanted(name: string): boolean {
    return this.#options.only?.includes(name) ?? true;
  }

  #wantedServices(): Recipe[] {
    return SERVICES.filter((recipe) => this.#isWanted(recipe.name));
  }

  #wantedNotes(): NotesImage[] {
    return this.#isWanted('notes') ? notesImages(hashOf(baseKey(), ...filesOf(join(HERE, 'notes')))) : [];
  }

  async #buildServices(recipes: readonly Recipe[]): Promise<BuiltImage[]> {
    const packages = [...BASE_PACKAGES, ...recipes.flatMap((recipe) => recipe.packages)];
    return this.#withPackages(packages, async (files) => {
      const base = await this.#writeBase(files);
      const images: BuiltImage[] = [];
      for (const recipe of recipes) images.push(await this.#buildService(recipe, files, base));
      return images;
    });
  }

  async #withPackages<T>(names: readonly string[], use: (files: PackagedFiles) => Promise<T>): Promise<T> {
    const work = join(CACHE, 'apt');
    try {
      return await this.#timed('Debian packages', () => unpackPackages(names, work, this.#say)).then(use);
    } finally {
      await rm(join(work, 'unpacked'), { recursive: true, force: true });
    }
  }

  async #writeBase(files: PackagedFiles): Promise<Base> {
    const tree = baseTree(files);
    return { tree, layer: await this.#layers.write(baseKey(), 'Debian base', tree) };
  }

  async #buildService(recipe: Recipe, files: PackagedFiles, base: Base): Promise<BuiltImage> {
    return this.#timed(recipe.name, async () => {
      const tree = keepFiles(files, recipe.keep, base.tree);
      const programs = await this.#layers.write('programs', `${recipe.name} from Debian`, tree);
      const setupTree = recipe.setup(join(HERE, recipe.name));
      const setup = await this.#layers.write('setup', `${recipe.name} set-up`, setupTree);
      const version = versionIn(tree, recipe.versionOf);
      const plan = describeImage({
        tag: `${REPOSITORY}/${recipe.name}:${version}`,
        layers: [base.layer, programs, setup],
        run: recipe.run,
        labels: labelsOf(recipe, version, new Map([...base.tree, ...tree])),
      });
      return (await this.#store.load(recipe.name, [plan]))[0]!;
    });
  }

  async #buildNotes(built: ReadonlyMap<string, BuiltImage>): Promise<BuiltImage[]> {
    const releases = this.#wantedNotes();
    const known = releases.map((image) => built.get(image.hash));
    if (known.every((image) => image !== undefined)) return known;
    const base = await this.#findBase();
    return this.#timed('notes', async () => {
      const plans = await planNotes(releases, base, this.#layers, notesLabels, this.#say);
      return this.#store.load('notes', plans.map(describeImage));
    });
  }

  async #findBase(): Promise<Layer> {
    const known = await this.#layers.find(baseKey());
    if (known !== undefined) return known;
    return (await this.#withPackages(BASE_PACKAGES, (files) => this.#writeBase(files))).layer;
  }

  async #timed<T>(title: string, work: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    const result = await work();
    const images = (Array.isArray(result) ? result : [result]).filter(isBuilt);
    const took = formatDuration(performance.now() - startedMs);
    if (images.length === 0) this.#say(`${title}: ${took}`);
    else
      this.#say(
        images.map((image) => `${image.image}  ${formatBytes(image.sizeBytes)}`).join('\n') + `  (${took})`,
      );
    return result;
  }
}

function isBuilt(value: unknown): value is BuiltImage {
  return typeof value === 'object' && value !== null && 'image' in value;
}

/** Changes when the builder, the recipe or a file of the recipe changes. */
function recipeHash(recipe: Recipe): string {
  return hashOf(baseKey(), ...filesOf(join(HERE, recipe.name)));
}

function baseKey(): string {
  return `base-${hashOf(...builderFiles(), ...filesOf(join(HERE, 'base'))).slice(0, 16)}`;
}

// What decides the bytes of an image; the command line and the engine's side do not.
const DECIDING = ['archive.ts', 'closure.ts', 'debian.ts', 'elf.ts', 'recipe.ts', 'tree.ts'];

function builderFiles(): Buffer[] {
  return DECIDING.map((name) => readFileSync(join(HERE, name)));
}

function filesOf(folder: string): Buffer[] {
  return readdirSync(folder)
    .sort()
    .map((name) => readFileSync(join(folder, name)));
}

function notesLabels({ release, hash }: NotesImage): Record<string, string> {
  return {
    [LABEL.name]: 'notes',
    [LABEL.recipe]: hash,
    'org.opencontainers.image.title': 'notes',
    'org.opencontainers.image.version': release.version,
  };
}

function versionIn(tree: Tree, name: string): string {
  const entry = tree.get(`var/lib/dpkg/status.d/${name}`);
  const control = entry !== undefined && 'content' in entry ? entry.content.toString() : '';
  const version = /^Version: (.*)$/m.exec(control)?.[1] ?? '0';
  // Debian's own parts (epoch, repacking, revision) are no part of the program's version.
  return version.replace(/^\d+:/, '').replace(/[+~-].*$/, '');
}

function labelsOf(recipe: Recipe, version: string, tree: Tree): Record<string, string> {
  const contents = packagesOf(tree).map((path) => {
    const entry = tree.get(path)!;
    return 'content' in entry ? entry.content : '';
  });
  return {
    [LABEL.name]: recipe.name,
    [LABEL.recipe]: recipeHash(recipe),
    [LABEL.packages]: hashOf(...contents),
    'org.opencontainers.image.title': recipe.name,
    'org.opencontainers.image.version': version,
  };
}
