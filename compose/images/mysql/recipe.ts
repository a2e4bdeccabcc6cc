// MySQL as the official image runs it: same variables, same folders, same user id.

import { join } from 'node:path';
import { folder, textFile } from '../tree.ts';
import { ownedFolder, setupTree } from '../recipe.ts';
import type { Recipe } from '../recipe.ts';

const ACCOUNT = { name: 'mysql', id: 999, home: '/var/lib/mysql' };

const CONFIG = `# The settings of a deployment go to /etc/mysql/conf.d/*.cnf, which are read after this file.
[mysqld]
datadir = /var/lib/mysql
socket = /var/run/mysqld/mysqld.sock
pid-file = /var/run/mysqld/mysqld.pid
secure-file-priv = /var/lib/mysql-files
lc-messages-dir = /usr/share/mysql
host-cache-size = 0
skip-name-resolve
mysqlx = OFF

[client]
socket = /var/run/mysqld/mysqld.sock

!includedir /etc/mysql/conf.d/
`;

const CLIENTS = ['mysql', 'mysqladmin', 'mysqldump', 'mysqlbinlog', 'my_print_defaults'];

const PLUGINS = [
  'mysql_clone.so',
  'component_reference_cache.so',
  'semisync_*.so',
  'auth_socket.so',
  'component_validate_password.so',
  'component_log_sink_json.so',
  'component_keyring_file.so',
  'component_mysqlbackup.so',
  'component_query_attributes.so',
  'group_replication.so',
];

export const mysql: Recipe = {
  name: 'mysql',
  versionOf: 'mysql-server-core',
  packages: ['mysql-server-core', 'mysql-client-core', 'mysql-common'],
  keep: [
    'usr/sbin/mysqld',
    ...CLIENTS.map((name) => `usr/bin/${name}`),
    ...PLUGINS.map((name) => `usr/lib/mysql/plugin/${name}`),
    'usr/share/mysql/english/**',
    'usr/share/mysql/charsets/**',
    'usr/share/mysql/*.txt',
  ],
  setup: (here) =>
    new Map([
      ...setupTree(ACCOUNT, { 'usr/local/bin/docker-entrypoint.sh': join(here, 'entrypoint.sh') }),
      ['etc/mysql/my.cnf', textFile(CONFIG)],
      ['etc/my.cnf', textFile('!include /etc/mysql/my.cnf\n')],
      ['etc/mysql/conf.d', folder()],
      ['var/lib/mysql', ownedFolder(ACCOUNT, 0o750)],
      ['var/lib/mysql-files', ownedFolder(ACCOUNT, 0o750)],
      ['run/mysqld', ownedFolder(ACCOUNT)],
    ]),
  run: {
    entrypoint: ['docker-entrypoint.sh'],
    command: ['mysqld'],
    user: '999:999',
    ports: [3306],
    volumes: ['/var/lib/mysql'],
    health: {
      // The first initialisation listens on another socket, so this cannot be true too early.
      command: [
        'mysqladmin',
        '--socket=/var/run/mysqld/mysqld.sock',
        '--connect-timeout=2',
        '-uroot',
        'ping',
      ],
      startPeriodMs: 120_000,
    },
  },
};
