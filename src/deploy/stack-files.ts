// The stack's files for a release that is kept on this appliance.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../base/errors.ts';
import { parseRelease, type Release } from '../release/index.ts';
import { readStackRelease, renderStack, type StackFiles } from '../stack/index.ts';
import { readFact } from './facts.ts';
import type { InstallSteps } from './install-plan.ts';
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

export async function renderKept(
  tools: DeployTools,
  input: InstallSteps['write-stack'],
): Promise<StackFiles> {
  const text = await readFile(join(releaseFolder(tools, input.version), keptReleaseFile), 'utf8');
  const release = parseRelease(text, keptReleaseFile);
  const plan = readFact(tools.journal, 'sizing');
  if (plan === undefined) {
    throw new OnsteadError('stack.not-sized', 'The stack cannot be written before the machine is divided.', {
      next: 'Run the installation again: it divides the machine first.',
    });
  }
  const images = Object.fromEntries(input.images.map(({ service, tag }) => [service, tag]));
  return renderStack(
    {
      project: input.project,
      release,
      images,
      holderImage: readFact(tools.journal, 'holderImage') ?? input.holderImage,
      plan,
      settings: tools.settings(),
      volumes: Object.fromEntries(input.volumes.map(({ key, name }) => [key, name])),
      unsealedFolder: tools.paths.unsealed,
    },
    text,
  );
}
