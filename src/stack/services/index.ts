// One row for each kind of service.

import type { ReleaseService } from '../../release/index.ts';
import { appKind, workerKind } from './app.ts';
import type { ServiceKind } from './kind.ts';
import { minioKind } from './minio.ts';
import { mysqlKind } from './mysql.ts';
import { nginxKind } from './nginx.ts';
import { redisKind } from './redis.ts';

export type KnownRole = Exclude<ReleaseService['role'], 'carried'>;

const kinds: { readonly [Role in KnownRole]: ServiceKind<Extract<ReleaseService, { role: Role }>> } = {
  app: appKind,
  worker: workerKind,
  mysql: mysqlKind,
  redis: redisKind,
  minio: minioKind,
  nginx: nginxKind,
};

/** The kind of a service, or undefined for one that is carried as its vendor wrote it. */
export function kindOf(service: ReleaseService): ServiceKind | undefined {
  // The table pairs each role with its own kind; the cast forgets which one, since callers treat all alike.
  return service.role === 'carried' ? undefined : (kinds[service.role] as unknown as ServiceKind);
}

/** `uid:gid` that the service's containers run as. */
export function userOf(service: ReleaseService): string | undefined {
  const chosen = service.compose['user'];
  return typeof chosen === 'string' || typeof chosen === 'number'
    ? String(chosen)
    : kindOf(service)?.defaultUser;
}
