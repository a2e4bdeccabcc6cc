// Passwords, keys and certificates: made once, kept sealed, opened for the services that need them.

import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Executor } from '../../journal/index.ts';
import {
  certificateSecrets,
  ensureCertificates,
  generateSecret,
  hasCertificates,
  isUnsealed,
  openedServices,
  unsealInto,
  withoutFolder,
} from '../../stack/index.ts';
import { readFact } from '../facts.ts';
import type { InstallSteps } from '../install-plan.ts';
import { reloadEdge } from '../reload-edge.ts';
import { stackRelease } from '../stack-files.ts';
import { removeContainersOf, type DeployTools } from '../tools.ts';

export function makeSecretsStep(tools: DeployTools): Executor<InstallSteps['make-secrets']> {
  return {
    async apply({ names, hosts, missing }) {
      // What the plan saw and is gone by now was in use.
      const lost = names.filter((name) => !missing.includes(name) && !tools.secrets.has(name));
      if (lost.length > 0) throw tools.secrets.lost(lost);
      const made = await tools.secrets.ensure(
        names.filter((name) => !certificateNames.includes(name)),
        makeSecret,
      );
      const renewed = await ensureCertificates(tools.secrets, hosts, tools.clock);
      return `${made.length} secrets made${renewed ? ', certificate signed' : ''}`;
    },
    async holds({ names, hosts }) {
      const { secrets, clock } = tools;
      return names.every((name) => secrets.has(name)) && hasCertificates(secrets, hosts, clock);
    },
    async undo({ missing }) {
      await tools.secrets.remove(missing);
    },
  };
}

export function openSecretsStep(tools: DeployTools): Executor<InstallSteps['open-secrets']> {
  return {
    async holds() {
      return isUnsealed(tools.paths.unsealed, openedServices(await stackRelease(tools), tools.secrets));
    },
    async apply() {
      const opened = openedServices(await stackRelease(tools), tools.secrets);
      const project = readFact(tools.journal, 'installed')?.project;
      // Their containers hold folders that somebody deleted.
      const stale = withoutFolder(tools.paths.unsealed, opened);
      if (project !== undefined) await removeContainersOf(tools, project, stale);
      await unsealInto(tools.paths.unsealed, opened);
      await reloadEdge(tools); // a certificate may have changed under a running edge
    },
    async undo({ isNew }) {
      if (isNew) await rm(tools.paths.unsealed, { recursive: true, force: true });
    },
  };
}

const certificateNames: readonly string[] = Object.values(certificateSecrets);

/** S3 knows its keys by a short name; everything else is 256 random bits. */
function makeSecret(name: string): string {
  return name === 's3_access_key' ? randomBytes(10).toString('hex') : generateSecret();
}
