// Inside the data services: the app's database user and its buckets.

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
import { containerIfWell, healthyContainer, placeOf, type DeployTools } from '../tools.ts';

export function makeUsersStep(tools: DeployTools): Executor<InstallSteps['make-users']> {
  return {
    async holds({ project, service, database, user }) {
      const container = await containerIfWell(tools, project, service);
      if (container === undefined) return false;
      return mayLogIn(await tools.engine(), container, { database, user });
    },
    async apply({ project, service, database, user }, { signal }) {
      const container = await healthyContainer(tools, project, service, signal);
      const password = tools.secrets.get('mysql_password');
      await ensureLogin(await tools.engine(), container, { database, user, password });
    },
  };
}

export function makeBucketsStep(tools: DeployTools): Executor<InstallSteps['make-buckets']> {
  return {
    async holds({ project, service, buckets }) {
      const container = await containerIfWell(tools, project, service);
      if (container === undefined) return false;
      return probeBuckets(await accessTo(tools, container), buckets).then(
        () => true,
        () => false,
      );
    },
    async apply({ project, service, buckets }, { signal }) {
      const access = await accessTo(tools, await healthyContainer(tools, project, service, signal));
      const made = await ensureBuckets(access, buckets);
      await probeBuckets(access, buckets);
      return made.length === 0
        ? undefined
        : `made ${made.join(', ')}; a put, a get and a delete worked in each`;
    },
  };
}

export async function accessTo(tools: DeployTools, container: string): Promise<ObjectStoreAccess> {
  const { address, networkOfPid } = await placeOf(tools, container);
  return {
    endpoint: `http://${address}:${objectStorePort}`,
    networkOfPid,
    credentials: {
      accessKeyId: tools.secrets.get('s3_access_key'),
      secretAccessKey: tools.secrets.get('s3_secret_key'),
    },
  };
}
