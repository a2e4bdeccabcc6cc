// A MySQL as the stack runs it, with its data and its points in volumes, for the tests of restore points.

import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeVolume, pointsVolumePin, runSql, type VolumeSpec } from '../../src/stack/index.ts';
import { demoImage, openStackLab, type StackLab } from './stack-lab.ts';

export interface MysqlLab extends StackLab {
  readonly project: string;
  readonly dataVolume: string;
  /** The volume that a test names, as a spec of this lab. */
  volume(name: string, key?: string): VolumeSpec;
  /** A server on this volume; healthy when it resolves. */
  mysqlOn(volume: string, options?: readonly string[]): Promise<string>;
  sql(container: string, ...statements: string[]): Promise<string>;
}

export async function openMysqlLab(flags: readonly string[] = []): Promise<MysqlLab> {
  const lab = await openStackLab();
  const { engine, id: project } = lab;
  const volume = (name: string, key = 'data', owner = '999:999'): VolumeSpec => ({
    key,
    name,
    owner,
    project,
    stackFolder: lab.folder,
    operation: 'test-1',
  });
  const points = pointsVolumePin(project);
  const dataVolume = `${project}_data`;
  await makeVolume(engine, volume(dataVolume));
  await makeVolume(engine, volume(points.name, points.key, points.owner));
  const secrets = await writeSecrets(lab.folder);
  const image = await demoImage('mysql');
  return {
    ...lab,
    project,
    dataVolume,
    volume,
    async mysqlOn(name, options = []) {
      const container = await lab.start([...runOptions(secrets, name, points.name), ...options], image, [
        'mysqld',
        ...FLAGS,
        ...flags,
      ]);
      await engine.containers.waitHealthy([container], { timeoutMs: 120_000 });
      return container;
    },
    sql: (container, ...statements) => runSql(engine, container, statements),
    async close() {
      await lab.close();
      const ours = await engine.volumes.list({ labels: [`onstead.project=${project}`] });
      for (const one of ours) await engine.volumes.remove(one.name);
    },
  };
}

const FLAGS = [
  '--mysqlx=OFF',
  '--innodb-buffer-pool-size=128M',
  '--plugin-load-add=mysql_clone.so',
  '--gtid-mode=ON',
  '--enforce-gtid-consistency=ON',
];

async function writeSecrets(folder: string): Promise<string> {
  const secrets = join(folder, 'secrets');
  const password = randomBytes(8).toString('hex');
  await mkdir(secrets);
  await chmod(folder, 0o755);
  const files = {
    mysql_root_password: password,
    'admin.cnf': `[client]\nuser=root\npassword="${password}"\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(secrets, name), text, { mode: 0o400 });
    await chown(join(secrets, name), 999, 999);
  }
  return secrets;
}

function runOptions(secrets: string, data: string, points: string): string[] {
  return [
    ...['--read-only', '--cap-drop', 'ALL', '--network', 'none', '--memory', '1g'],
    ...['--volume', `${secrets}:/run/secrets:ro`, '--volume', `${data}:/var/lib/mysql`],
    ...['--volume', `${points}:/var/lib/onstead-points`],
    ...['--env', 'MYSQL_ROOT_PASSWORD_FILE=/run/secrets/mysql_root_password'],
    ...['--tmpfs', '/tmp', '--tmpfs', '/var/run/mysqld:uid=999,gid=999,mode=755'],
    '--health-cmd',
    'mysqladmin --defaults-extra-file=/run/secrets/admin.cnf --protocol=tcp -h127.0.0.1 ping',
    ...['--health-interval', '1s', '--health-start-period', '120s'],
  ];
}
