// The secrets that a role implies, by the names that a vendor's file may use for them.

import type { Role } from './schema-services.ts';

export const roleSecrets = {
  mysql: ['mysql_root_password', 'mysql_password'],
  redis: ['redis_password'],
  minio: ['s3_access_key', 's3_secret_key'],
} as const satisfies Partial<Record<Role, readonly string[]>>;
