// MySQL: sized by its buffer pool, durable to the last commit, administered through the container's own client.

import { roleSecrets, type MysqlService } from '../../release/index.ts';
import { pointsMount, pointsVolumeKey } from '../points/place.ts';
import type { SecretReader, ServiceContext, ServiceKind } from './kind.ts';

/** Inside the container; the client reads the password from it, so that no command line carries one. */
export const mysqlAdminFile = '/run/secrets/admin.cnf';
/** The same for the app's user, to see that its login works. */
export const mysqlAppFile = '/run/secrets/app.cnf';

export const mysqlKind: ServiceKind<MysqlService> = {
  defaultUser: '999:999',
  dataFolder: '/var/lib/mysql',
  secretNames: roleSecrets.mysql,
  compose: ({ configFolder }) => ({
    environment: { MYSQL_ROOT_PASSWORD_FILE: '/run/secrets/mysql_root_password' },
    volumes: [
      `${configFolder}:/etc/mysql/conf.d:ro`,
      // Copies for restore points: the server itself writes them.
      { type: 'volume', source: pointsVolumeKey, target: pointsMount },
    ],
    tmpfs: ['/tmp', '/var/run/mysqld:uid=999,gid=999,mode=755'],
    stop_grace_period: '2m',
    healthcheck: {
      // By TCP: the first start runs a temporary server that listens on its socket alone.
      test: [
        'CMD',
        'mysqladmin',
        `--defaults-extra-file=${mysqlAdminFile}`,
        '--protocol=tcp',
        '-h127.0.0.1',
        'ping',
      ],
      interval: '3s',
      timeout: '5s',
      retries: 10,
      start_period: '10m',
    },
  }),
  config: (context) => ({ 'onstead.cnf': serverConfig(context) }),
  secretFiles: (read: SecretReader) => ({
    'admin.cnf': `[client]\nuser=root\npassword=${optionValue(read('mysql_root_password'))}\n`,
    'app.cnf': `[client]\npassword=${optionValue(read('mysql_password'))}\n`,
  }),
};

/** As MySQL's option files are read: only the outer quotes count, and a backslash begins an escape. */
function optionValue(text: string): string {
  return `"${text.replaceAll('\\', '\\\\')}"`;
}

function serverConfig({ size }: ServiceContext<MysqlService>): string {
  const sized = Object.entries(size.settings).map(([key, value]) => `${key} = ${value}`);
  return [
    '# Written by Onstead from the size of this machine; changes here are overwritten.',
    '[mysqld]',
    ...sized,
    '',
    '# Every commit is on the disk before it is answered, and a restore can go to any second.',
    'innodb_flush_log_at_trx_commit = 1',
    'sync_binlog = 1',
    'gtid_mode = ON',
    'enforce_gtid_consistency = ON',
    'binlog_expire_logs_seconds = 259200',
    'server_id = 1',
    '',
    '# Restore points and backups are InnoDB clones; other engines would arrive empty.',
    "plugin_load_add = 'mysql_clone.so'",
    "disabled_storage_engines = 'MyISAM,BLACKHOLE,FEDERATED,CSV,ARCHIVE'",
    'innodb_numa_interleave = OFF',
    'skip_name_resolve = ON',
    'local_infile = OFF',
    'mysqlx = OFF',
    '',
  ].join('\n');
}
