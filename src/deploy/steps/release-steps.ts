// The bundle and what of it stays on the appliance: the release's own files, and how the machine is divided.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import { formatBytes } from '../../base/units.ts';
import type { Executor } from '../../journal/index.ts';
import { releasePath } from '../bundle-shelf.ts';
import { clearFact, readFact, writeFact } from '../facts.ts';
import type { BundleReference, InstallSteps } from '../install-plan.ts';
import { keptReleaseFile, releaseFolder } from '../release-folder.ts';
import { rememberSeen } from '../seen-versions.ts';
import type { DeployTools } from '../tools.ts';

export function verifyBundleStep(tools: DeployTools): Executor<InstallSteps['verify-bundle']> {
  return {
    async apply(reference, context) {
      const options = {
        signal: context.signal,
        onProgress: (done: number, total: number) => context.progress({ done, total, unit: 'bytes' }),
      };
      return tools.bundles.use(
        reference,
        options,
        async ({ sizeBytes, signedBy }) => `${formatBytes(sizeBytes)}, signed by ${signedBy.keyId}`,
      );
    },
  };
}

export function keepReleaseStep(tools: DeployTools): Executor<InstallSteps['keep-release']> {
  return {
    async holds({ bundle, version }) {
      const kept = await readTextIfAny(join(releaseFolder(tools, version), keptReleaseFile));
      return kept !== undefined && kept === (await releaseText(tools, bundle));
    },
    async apply({ bundle, version }) {
      const folder = releaseFolder(tools, version);
      await ensureFolder(folder);
      await writeFileAtomic(join(folder, keptReleaseFile), await releaseText(tools, bundle));
    },
    async undo({ version, isNew }) {
      if (isNew) await rm(releaseFolder(tools, version), { recursive: true, force: true });
    },
  };
}

function releaseText(tools: DeployTools, reference: BundleReference): Promise<string> {
  return tools.bundles.use(reference, {}, (bundle) => bundle.readText(releasePath));
}

export function rememberSizeStep(tools: DeployTools): Executor<InstallSteps['remember-size']> {
  return {
    async holds({ plan }) {
      return JSON.stringify(readFact(tools.journal, 'sizing')) === JSON.stringify(plan);
    },
    async apply({ plan }) {
      writeFact(tools.journal, 'sizing', plan);
    },
    async undo({ isNew }) {
      if (isNew) clearFact(tools.journal, 'sizing');
    },
  };
}

export function commitStep(tools: DeployTools): Executor<InstallSteps['commit']> {
  return {
    async holds(input) {
      const installed = readFact(tools.journal, 'installed');
      return installed?.version === input.version && installed.bundle === input.bundle;
    },
    async apply(input) {
      const { product, title, version, keyId, bundle, project } = input;
      await rememberSeen(tools.paths, { keyId, product, version });
      const installedAt = tools.clock.now().toISOString();
      writeFact(tools.journal, 'installed', { product, title, version, project, keyId, bundle, installedAt });
    },
  };
}
