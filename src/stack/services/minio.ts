// The object store, spoken to by S3 alone, so that MinIO's successors and any other store can stand here.

import { roleSecrets, type MinioService } from '../../release/index.ts';
import type { ServiceKind } from './kind.ts';

export const objectStorePort = 9000;

export const minioKind: ServiceKind<MinioService> = {
  defaultUser: '10001:10001',
  dataFolder: '/data',
  secretNames: roleSecrets.minio,
  compose: ({ size }) => ({
    environment: {
      MINIO_ROOT_USER_FILE: '/run/secrets/s3_access_key',
      MINIO_ROOT_PASSWORD_FILE: '/run/secrets/s3_secret_key',
      ...Object.fromEntries(Object.entries(size.settings).map(([key, value]) => [key, String(value)])),
      S3_MEMORY_BYTES: String(size.memoryLimitBytes),
    },
    tmpfs: ['/tmp', '/run:uid=10001,gid=10001,mode=755'],
    stop_grace_period: '1m',
    // Each image brings its own health check: the routes differ from store to store.
  }),
};
