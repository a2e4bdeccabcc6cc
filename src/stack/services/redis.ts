// Redis: sessions and caches that survive a restart; its password reaches it only as a hash.

import { createHash } from 'node:crypto';
import { roleSecrets, type RedisService } from '../../release/index.ts';
import type { SecretReader, ServiceContext, ServiceKind } from './kind.ts';

export const redisKind: ServiceKind<RedisService> = {
  defaultUser: '999:999',
  dataFolder: '/data',
  secretNames: roleSecrets.redis,
  compose: ({ configFolder }) => ({
    command: ['redis-server', '/etc/onstead/redis.conf'],
    volumes: [`${configFolder}:/etc/onstead:ro`],
    tmpfs: ['/tmp'],
    stop_grace_period: '1m',
    healthcheck: {
      // The client takes the password from its environment; a command line would show it.
      test: [
        'CMD-SHELL',
        'REDISCLI_AUTH="$$(cat /run/secrets/redis_password)" redis-cli -h 127.0.0.1 ping | grep -q PONG',
      ],
      interval: '3s',
      timeout: '5s',
      retries: 10,
      start_period: '2m',
    },
  }),
  config: (context) => ({ 'redis.conf': serverConfig(context) }),
  secretFiles: (read: SecretReader) => ({
    'users.acl': `user default on #${createHash('sha256').update(read('redis_password')).digest('hex')} ~* &* +@all\n`,
  }),
};

function serverConfig({ size }: ServiceContext<RedisService>): string {
  const sized = Object.entries(size.settings).map(([key, value]) => `${key} ${value}`);
  return [
    '# Written by Onstead from the size of this machine; changes here are overwritten.',
    ...sized,
    'aclfile /run/secrets/users.acl',
    'dir /data',
    'appendonly yes',
    'appendfsync everysec',
    'save 900 1',
    'protected-mode no',
    'tcp-keepalive 60',
    '',
  ].join('\n');
}
