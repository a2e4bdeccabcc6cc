// The demo images on a real engine, each run as an appliance runs it: no capability, read-only, its own user.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import t from 'tap';
import type { BuiltImage } from '../../compose/images/store.ts';
import { run } from '../../src/base/process.ts';
import { demoImages, docker, HARDENED, until, writeSecrets } from './sample-app-stack.ts';

t.setTimeout(180_000);

const BUILD = join(import.meta.dirname, '..', '..', 'compose', 'images', 'build.ts');
const project = `onstead-images-${randomBytes(4).toString('hex')}`;
const folder = mkdtempSync(join(tmpdir(), 'onstead-images-'));
const secrets = join(folder, 'secrets');
const images = await demoImages();

writeSecrets(secrets);
await docker(['network', 'create', project]);
t.teardown(async () => {
  const { stdout } = await docker(['ps', '-aq', '--filter', `network=${project}`]);
  const left = stdout.split('\n').filter((id) => id !== '');
  if (left.length > 0) await docker(['rm', '-fv', ...left]);
  await docker(['network', 'rm', project]);
  rmSync(folder, { recursive: true, force: true });
});

async function start(
  image: string,
  options: readonly string[],
  command: readonly string[] = [],
): Promise<string> {
  const { stdout } = await docker([
    ...['run', '-d', `--network=${project}`, ...HARDENED, '-v', `${secrets}:/run/secrets:ro`],
    ...options,
    image,
    ...command,
  ]);
  return stdout.trim();
}

const startMysql = (): Promise<string> =>
  start(images['mysql']!, [
    '--tmpfs=/run/mysqld:uid=999,gid=999',
    '--tmpfs=/copies:uid=999,gid=999',
    ...['MYSQL_DATABASE=notes', 'MYSQL_USER=notes'].map((pair) => `--env=${pair}`),
    '--env=MYSQL_PASSWORD_FILE=/run/secrets/mysql_password',
    '--env=MYSQL_ROOT_PASSWORD_FILE=/run/secrets/mysql_root_password',
  ]);

const secret = (name: string): string => readFileSync(join(secrets, name), 'utf8');

async function waitHealthy(container: string): Promise<void> {
  await until('the container to be healthy', 60_000, async () => {
    const { stdout } = await docker(['inspect', '-f', '{{.State.Health.Status}}', container]);
    return stdout.trim() === 'healthy' ? true : undefined;
  });
}

async function inside(container: string, script: string): Promise<string> {
  return (await docker(['exec', container, 'sh', '-c', script])).stdout.trim();
}

const sql = (container: string, user: string, statement: string): Promise<string> => {
  const name = user === 'root' ? 'mysql_root_password' : 'mysql_password';
  return inside(
    container,
    `MYSQL_PWD=$(cat /run/secrets/${name}) mysql -h127.0.0.1 -u${user} -N -e "${statement}"`,
  );
};

t.test('a second build is instant, and starts neither apt nor npm nor docker', async (t) => {
  const startedMs = performance.now();
  // With no PATH, any program that it tried to start would be missing.
  const { stdout } = await run(process.execPath, [BUILD, '--json'], {
    env: { PATH: '/nowhere', HOME: folder },
  });
  t.ok(performance.now() - startedMs < 2_000, `${performance.now() - startedMs} ms`);
  const built = JSON.parse(stdout) as BuiltImage[];
  t.ok(
    built.length >= 5 && built.every((image) => image.cached && image.sizeBytes > 0 && image.image !== ''),
  );
});

t.test('an unknown image is a clear mistake', async (t) => {
  const result = await run(process.execPath, [BUILD, '--only', 'mysqll'], { accept: [1] });
  t.match(result.stderr, /There is no image "mysqll"\.\nChoose from: mysql, redis/);
});

t.test(
  'every image has a user, a health check and its list of packages; they share their base',
  async (t) => {
    const bases = new Set<string>();
    for (const image of [...Object.values(images), 'onstead-demo/notes:1.0.0']) {
      const { stdout } = await docker(['image', 'inspect', image]);
      const [found] = JSON.parse(stdout) as {
        Config: { User: string; Healthcheck?: object };
        RootFS: { Layers: string[] };
      }[];
      t.match(found!.Config.User, /^[1-9]\d*:[1-9]\d*$/, image);
      t.ok(found!.Config.Healthcheck);
      bases.add(found!.RootFS.Layers[0]!);
      const script = 'cat /var/lib/dpkg/status.d/*; find /usr -perm /6000 -type f';
      const list = await docker(['run', '--rm', '--network=none', '--entrypoint=sh', image, '-c', script]);
      t.match(list.stdout, /^Package: libc6\nStatus: install ok installed\n[^]*?^Version: 2\./m);
      t.notMatch(list.stdout, /^\//m, 'no file in it gives its caller another user');
    }
    t.equal(bases.size, 1);
  },
);

t.test('MySQL: killed at any moment of its first start, it starts whole the next time', async (t) => {
  const container = await startMysql();
  for (const afterMs of [400, 2_500]) {
    await sleep(afterMs);
    await docker(['kill', '-s', 'KILL', container]);
    await docker(['start', container]);
  }
  await waitHealthy(container);
  t.equal(await sql(container, 'root', 'SELECT 1'), '1', 'root from another host');
  t.equal(await sql(container, 'notes', 'CREATE TABLE notes.a (b INT); SELECT CURRENT_USER()'), 'notes@%');
  t.equal(await inside(container, 'ls -a /var/lib/mysql | grep -c initialising || true'), '0');

  await docker(['kill', '-s', 'KILL', container]);
  await docker(['start', container]);
  await waitHealthy(container);
  t.equal(await sql(container, 'notes', 'SHOW TABLES FROM notes'), 'a', 'its data is still there');

  await sql(container, 'root', "INSTALL PLUGIN clone SONAME 'mysql_clone.so'");
  await sql(container, 'root', "CLONE LOCAL DATA DIRECTORY = '/copies/one'");
  t.match(await inside(container, 'ls /copies/one'), /ibdata1/, 'CLONE works');
  t.match(await sql(container, 'root', 'SELECT @@secure_file_priv'), /mysql-files/);
  t.match(
    await inside(container, 'mysqlbinlog --version && mysqladmin --version && mysqldump --version'),
    /9\./,
  );
  t.match(await inside(container, 'cat /proc/1/status'), /^Uid:\t999\t[^]*^CapEff:\t0+$/m);
  await docker(['stop', '-t', '60', container]);
  t.equal((await docker(['inspect', '-f', '{{.State.ExitCode}}', container])).stdout.trim(), '0');
});

t.test('MySQL: without a root password it says what to set, and leaves the folder empty', async (t) => {
  const container = await start(images['mysql']!, ['--tmpfs=/run/mysqld:uid=999,gid=999']);
  t.equal((await docker(['wait', container])).stdout.trim(), '64');
  t.match((await docker(['logs', container])).stderr, /Set MYSQL_ROOT_PASSWORD_FILE/);
});

t.test('Redis: asks for the password, and keeps what it acknowledged through a kill', async (t) => {
  const script =
    'umask 077; echo "requirepass $(cat /run/secrets/redis_password)" >/tmp/r.conf; ' +
    'exec redis-server /tmp/r.conf --dir /data --appendonly yes --appendfsync always';
  const container = await start(images['redis']!, [], ['sh', '-c', script]);
  await waitHealthy(container);
  t.match(await inside(container, 'redis-cli get a'), /NOAUTH/);
  const cli = 'REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli';
  t.equal(await inside(container, `${cli} set a 1`), 'OK');
  await docker(['kill', '-s', 'KILL', container]);
  await docker(['start', container]);
  await waitHealthy(container);
  t.equal(await inside(container, `${cli} get a`), '1');
});

t.test('nginx: serves as its own user, and has sh, sleep and an HTTP client inside', async (t) => {
  const container = await start(images['nginx']!, []);
  await waitHealthy(container);
  t.match(await inside(container, 'sleep 0; wget -q -O - http://127.0.0.1/'), /nginx is running/);
  t.match(await inside(container, 'nginx -V 2>&1'), /nginx\/1\.30\./);
  await docker(['stop', container]);
  t.equal((await docker(['inspect', '-f', '{{.State.ExitCode}}', container])).stdout.trim(), '0');
});

t.test('object store: keeps an object through a kill, refuses a wrong key, ends cleanly', async (t) => {
  const container = await start(images['minio']!, [
    ...['-p', '127.0.0.1::9000', '--env=S3_MEMORY_BYTES=300000000'],
    '--env=MINIO_ROOT_USER_FILE=/run/secrets/s3_access_key',
    '--env=MINIO_ROOT_PASSWORD_FILE=/run/secrets/s3_secret_key',
  ]);
  const client = async (secretAccessKey: string): Promise<S3Client> => {
    const port = (await docker(['port', container, '9000'])).stdout.trim().split('\n')[0];
    return new S3Client({
      endpoint: `http://${port}`,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: secret('s3_access_key'), secretAccessKey },
    });
  };
  // Killed in the middle of its first start, it begins again.
  await sleep(1_000);
  await docker(['kill', '-s', 'KILL', container]);
  await docker(['start', container]);
  await waitHealthy(container);

  const body = randomBytes(6_000_000);
  const good = await client(secret('s3_secret_key'));
  await good.send(new CreateBucketCommand({ Bucket: 'objects' }));
  await good.send(new PutObjectCommand({ Bucket: 'objects', Key: 'k/ä', Body: body }));
  const wrong = await client('wrong');
  await t.rejects(wrong.send(new GetObjectCommand({ Bucket: 'objects', Key: 'k/ä' })), {
    name: 'SignatureDoesNotMatch',
  });

  await docker(['kill', '-s', 'KILL', container]);
  await docker(['start', container]);
  const again = await client(secret('s3_secret_key'));
  const object = await until('the object store', 60_000, () =>
    again.send(new GetObjectCommand({ Bucket: 'objects', Key: 'k/ä' })),
  );
  t.ok(body.equals(await object.Body!.transformToByteArray()), 'byte for byte');
  await docker(['stop', '-t', '60', container]);
  t.equal((await docker(['inspect', '-f', '{{.State.ExitCode}}', container])).stdout.trim(), '0');
});
