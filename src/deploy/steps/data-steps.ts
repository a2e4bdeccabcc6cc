// Inside the data services: the app's database user, its buckets, and the vendor's migrations.

import { isOnsteadError, OnsteadError } from '../../base/errors.ts';
import type { Executor } from '../../journal/index.ts';
import {
  ensureBuckets,
  ensureLogin,
  mayLogIn,
  objectStorePort,
  probeBuckets,
  type ObjectStoreAccess,
} from '../../stack/index.ts';
import type { InstallSteps } from '../install-plan.ts';
import { placeOf, runningContainer, type DeployTools } from '../tools.ts';

export function makeUsersStep(tools: DeployTools): Executor<InstallSteps['make-users']> {
  return {
    async holds({ project, service, database, user }) {
      const container = await runningContainer(tools, project, service);
      return mayLogIn(await tools.engine(), container, { database, user });
    },
    async apply({ project, service, database, user }) {
      const container = await runningContainer(tools, project, service);
      const password = tools.secrets.get('mysql_password');
      await ensureLogin(await tools.engine(), container, { database, user, password });
    },
  };
}

export function makeBucketsStep(tools: DeployTools): Executor<InstallSteps['make-buckets']> {
  return {
    async holds({ project, service, buckets }) {
      const access = await objectStoreOf(tools, project, service);
      return probeBuckets(access, buckets).then(
        () => true,
        () => false,
      );
    },
    async apply({ project, service, buckets }) {
      const access = await objectStoreOf(tools, project, service);
      const made = await ensureBuckets(access, buckets);
      await probeBuckets(access, buckets);
      return made.length === 0
        ? undefined
        : `made ${made.join(', ')}; a put, a get and a delete worked in each`;
    },
  };
}

async function objectStoreOf(
  tools: DeployTools,
  project: string,
  service: string,
): Promise<ObjectStoreAccess> {
  const { address, networkOfPid } = await placeOf(tools, project, service);
  return {
    endpoint: `http://${address}:${objectStorePort}`,
    networkOfPid,
    credentials: {
      accessKeyId: tools.secrets.get('s3_access_key'),
      secretAccessKey: tools.secrets.get('s3_secret_key'),
    },
  };
}

export function migrateStep(tools: DeployTools): Executor<InstallSteps['migrate']> {
  return {
    async apply({ project, service, up, timeoutMs }, { operation, signal, note }) {
      const compose = await tools.compose();
      const name = `${project}-migrate-${operation}`;
      await removeLeftover(tools, name);
      let last = '';
      const onLine = (line: string): void => {
        last = line.trim() === '' ? last : line;
        note(line);
      };
      try {
        await compose.run({ service, name, command: up, timeoutMs, signal, onLine });
      } catch (error) {
        if (!isOnsteadError(error, 'compose.failed')) throw error;
        throw new OnsteadError('operation.migration-failed', `The migration failed: ${error.message}`, {
          next: 'Send the output of `onstead operations show` to the vendor.',
          cause: error,
        });
      }
      return last;
    },
  };
}

/** A daemon that was killed leaves its migration running; two at once must never be. */
async function removeLeftover(tools: DeployTools, name: string): Promise<void> {
  const engine = await tools.engine();
  for (const { id } of await engine.containers.list({ name })) await engine.containers.remove(id);
}
