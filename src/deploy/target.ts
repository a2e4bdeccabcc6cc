// What a bundle would make of this appliance: the target that a plan works towards, and what stands already. Reads
// and refuses; changes nothing.

import { OnsteadError } from '../base/errors.ts';
import { howToRestart } from '../base/own-service.ts';
import { sizingMachineFrom, type MachineFacts } from '../machine/index.ts';
import type { VerifiedBundle } from '../release/index.ts';
import type { SizingDemand, SizingMachine, SizingResult } from '../sizing/index.ts';
import {
  cappedMachine,
  certificateSecrets,
  hostsOf,
  imageNameFor,
  isForeignVolume,
  pointsVolumePin,
  secretNamesOf,
  sizingDemandFrom,
  userOf,
} from '../stack/index.ts';
import { bundleId } from './bundle-shelf.ts';
import { refuseMissingBase } from './delta-base.ts';
import { imageLoads, type ImageLoad } from './image-loads.ts';
import { volumeNameOf } from './current-volumes.ts';
import { readFact } from './facts.ts';
import type { ImagePin, InstallFacts, InstallTarget, VolumePin } from './install-plan.ts';
import { refuseLostSecrets } from './lost-secrets.ts';
import { leastMachine } from './machine-demand.ts';
import type { DeployTools } from './tools.ts';

/** Containers and volumes carry the project in their names: under another one they would all be made anew, without data. */
function refuseOtherProject({ journal, paths }: DeployTools, project: string): void {
  const installed = readFact(journal, 'installed')?.project;
  if (installed === undefined || installed === project) return;
  throw new OnsteadError(
    'settings.project',
    `The project was changed from "${installed}" to "${project}"; the stack and its data stand under "${installed}".`,
    {
      next: `Put the line \`project: ${installed}\` back into ${paths.settings}, then \`${howToRestart(paths)}\`.`,
    },
  );
}

/** Divides the machine for what the release demands. */
export type Sizing = (machine: SizingMachine, demand: SizingDemand) => SizingResult;

export interface Observed {
  readonly target: InstallTarget;
  readonly facts: InstallFacts;
  readonly machine: MachineFacts;
}

/** What there is and what there should be, read and nothing changed. */
export async function observeTarget(
  tools: DeployTools,
  bundle: VerifiedBundle,
  sizing: Sizing,
): Promise<Observed> {
  const project = tools.settings().project ?? bundle.release.product;
  refuseOtherProject(tools, project);
  await refuseMissingBase(tools, bundle);
  const images = imagePins(bundle, project);
  const volumes = volumePins(tools, bundle, project);
  await refuseForeignVolumes(tools, volumes);
  const facts = await observe(tools, project, images, volumes);
  await refuseLostSecrets(tools, bundle, (service) => volumesOf(bundle, service, volumes, facts));
  const machine = await tools.machine();
  const target = await targetOf(tools, { bundle, project, machine, images, facts }, sizing);
  return { target, facts, machine };
}

interface Looked {
  readonly bundle: VerifiedBundle;
  readonly project: string;
  readonly machine: MachineFacts;
  readonly images: readonly ImagePin[];
  readonly facts: InstallFacts;
}

async function targetOf(
  tools: DeployTools,
  { bundle, project, machine, images, facts }: Looked,
  sizing: Sizing,
): Promise<InstallTarget> {
  const { release, index } = bundle;
  const settings = tools.settings();
  const releaseBytes = index.images
    .flatMap(({ layers }) => layers)
    .reduce((sum, layer) => sum + layer.unpackedBytes, 0);
  const demand = sizingDemandFrom(release, releaseBytes);
  const capped = cappedMachine(sizingMachineFrom(machine), settings.limits);
  const sized = sizing(capped, demand);
  if (!sized.ok) {
    const shortfalls = sized.shortfalls.map(({ message }) => message);
    throw new OnsteadError('sizing.too-small', `${release.title} ${shortfalls.join('; and ')}.`, {
      next: 'Give the machine what is missing, or use a larger one.',
    });
  }
  const loads = await loadsOf(tools, bundle, project, facts);
  return {
    bundle: { path: bundle.path, id: bundleId(bundle) },
    project,
    product: release.product,
    title: release.title,
    version: release.version,
    keyId: bundle.signedBy.keyId,
    services: release.services,
    permissions: release.permissions,
    images,
    volumes: volumePins(tools, bundle, project),
    secrets: [...secretNamesOf(release), certificateSecrets.authority, certificateSecrets.authorityKey],
    sizing: sized.plan,
    hosts: hostsOf(machine.os?.hostname, settings),
    needs: {
      project,
      architecture: index.arch,
      ...leastMachine(demand),
      imageBytes: loads.reduce((sum, { loadBytes }) => sum + loadBytes, 0),
      imagesToLoad: images.some(({ tag }) => !facts.images.includes(tag)),
      createdAt: index.created,
    },
    loads,
  };
}

async function loadsOf(
  tools: DeployTools,
  { index }: VerifiedBundle,
  project: string,
  facts: InstallFacts,
): Promise<ImageLoad[]> {
  const engine = await tools.engine();
  // A containerd store keeps no chains of layers: an archive has to hold every one.
  const { containerdStore } = await engine.info();
  const there = containerdStore ? [] : await engine.images.layerChains();
  return imageLoads(index.images, (image) => facts.images.includes(imageNameFor(project, image)), there);
}

/** A volume that is there under our name but not by our hand holds somebody's data. */
async function refuseForeignVolumes(tools: DeployTools, volumes: readonly VolumePin[]): Promise<void> {
  const engine = await tools.engine();
  for (const { name } of volumes) {
    if (!(await isForeignVolume(engine, name))) continue;
    throw new OnsteadError(
      'stack.foreign-volume',
      `The engine has a volume "${name}" that Onstead did not make.`,
      {
        next: `Look into it, then remove it (\`docker volume rm ${name}\`) or choose another \`project\` in onstead.yaml.`,
      },
    );
  }
}

async function observe(
  tools: DeployTools,
  project: string,
  images: readonly ImagePin[],
  volumes: readonly VolumePin[],
): Promise<InstallFacts> {
  const engine = await tools.engine();
  const present = async <T>(
    all: readonly T[],
    find: (one: T) => Promise<unknown>,
    name: (one: T) => string,
  ) => {
    const found = await Promise.all(all.map(find));
    return all.filter((_, at) => found[at] !== undefined).map(name);
  };
  const containers = await engine.containers.list({ project });
  return {
    secrets: tools.secrets.names(),
    images: await present(
      images,
      ({ tag }) => engine.images.inspect(tag),
      ({ tag }) => tag,
    ),
    volumes: await present(
      volumes,
      ({ name }) => engine.volumes.inspect(name),
      ({ name }) => name,
    ),
    services: [...new Set(containers.flatMap(({ service }) => (service === undefined ? [] : [service])))],
    isInstalled: readFact(tools.journal, 'installed') !== undefined,
  };
}

function imagePins({ index }: VerifiedBundle, project: string): ImagePin[] {
  return index.images.flatMap((image) =>
    image.services.map((service) => ({
      service,
      tag: imageNameFor(project, image),
      configDigest: image.configDigest,
      diffIds: image.layers.map(({ diffId }) => diffId),
    })),
  );
}

/** A named volume belongs to the first service that mounts it; the engine's name carries the project. */
function volumePins({ journal }: DeployTools, { release }: VerifiedBundle, project: string): VolumePin[] {
  const pins = release.volumes.map((key) => {
    const owner = release.services.find(({ compose }) => mountsVolume(compose['volumes'], key));
    return { key, name: volumeNameOf(journal, project, key), owner: (owner && userOf(owner)) ?? '0:0' };
  });
  return release.services.some(({ role }) => role === 'mysql') ? [...pins, pointsVolumePin(project)] : pins;
}

function volumesOf(
  { release }: VerifiedBundle,
  name: string,
  volumes: readonly VolumePin[],
  { volumes: there }: InstallFacts,
): string[] {
  const service = release.services.find((one) => one.name === name);
  return volumes
    .filter((pin) => there.includes(pin.name) && mountsVolume(service?.compose['volumes'], pin.key))
    .map((pin) => pin.name);
}

function mountsVolume(volumes: unknown, key: string): boolean {
  if (!Array.isArray(volumes)) return false;
  return volumes.some((entry) =>
    typeof entry === 'string' ? entry.split(':')[0] === key : (entry as { source?: unknown }).source === key,
  );
}
