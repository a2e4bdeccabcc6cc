// The stack's files for a release that is kept on this appliance.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../base/errors.ts';
import { parseRelease, type Release } from '../release/index.ts';
import type { SizingPlan } from '../sizing/index.ts';
import { readStackRelease, renderStack, type StackFiles } from '../stack/index.ts';
import { readFact } from './facts.ts';
import type { StackSpec } from './install-plan.ts';
import { keptReleaseFile, releaseFolder } from './release-folder.ts';
import type { DeployTools } from './tools.ts';

/** The release whose files stand in the stack's folder now; the steps that ask come after the one that writes it. */
export async function stackRelease({ paths }: DeployTools): Promise<Release> {
  const release = await readStackRelease(paths);
  if (release !== undefined) return release;
  throw new OnsteadError('stack.missing', `There is no stack in ${paths.stack}.`, {
    next: 'Install the release again; the data volumes are kept.',
  });
}

/** With the division of the machine as it is, or another one that is to come. */
export async function renderKept(
  tools: DeployTools,
  spec: StackSpec,
  plan = readFact(tools.journal, 'sizing'),
): Promise<StackFiles> {
  const text = await readFile(join(releaseFolder(tools, spec.version), keptReleaseFile), 'utf8');
  if (plan === undefined) {
    throw new OnsteadError('stack.not-sized', 'The stack cannot be written before the machine is divided.', {
      next: 'Run the installation again: it divides the machine first.',
    });
  }
  return renderSpec(tools, spec, text, plan);
}

export function renderSpec(
  tools: DeployTools,
  spec: StackSpec,
  releaseText: string,
  plan: SizingPlan,
  asRead: (release: Release) => Release = (release) => release,
): StackFiles {
  return renderStack(
    {
      project: spec.project,
      release: asRead(parseRelease(releaseText, keptReleaseFile)),
      images: Object.fromEntries(spec.images.map(({ service, tag }) => [service, tag])),
      holderImage: readFact(tools.journal, 'holderImage') ?? spec.holderImage,
      plan,
      settings: tools.settings(),
      volumes: Object.fromEntries(spec.volumes.map(({ key, name }) => [key, name])),
      unsealedFolder: tools.paths.unsealed,
    },
    releaseText,
  );
}
