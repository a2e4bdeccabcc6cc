// Redis as the official image runs it: `redis-server <configuration>`, its files in /data.

import { join } from 'node:path';
import { ownedFolder, setupTree } from '../recipe.ts';
import type { Recipe } from '../recipe.ts';

const ACCOUNT = { name: 'redis', id: 999, home: '/data' };

export const redis: Recipe = {
  name: 'redis',
  versionOf: 'redis-server',
  packages: ['redis-server', 'redis-tools'],
  keep: ['usr/bin/redis-server', 'usr/bin/redis-cli', 'usr/bin/redis-check-*', 'usr/bin/redis-benchmark'],
  setup: (here) =>
    new Map([
      ...setupTree(ACCOUNT, { 'usr/local/bin/redis-health': join(here, 'health.sh') }),
      ['data', ownedFolder(ACCOUNT)],
    ]),
  run: {
    command: ['redis-server', '--dir', '/data', '--protected-mode', 'no'],
    user: '999:999',
    workingFolder: '/data',
    ports: [6379],
    volumes: ['/data'],
    health: { command: ['redis-health'], startPeriodMs: 60_000 },
  },
};
