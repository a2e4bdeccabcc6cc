import t from 'tap';
import { healthInText } from '../../../src/engine/container-facts.ts';
import { infoFrom } from '../../../src/engine/engine.ts';
import { happeningFrom } from '../../../src/engine/events.ts';
import { progressFrom, splitTag, throwIfError } from '../../../src/engine/images.ts';
import { usageFrom } from '../../../src/engine/stats.ts';

t.test('a name is split into repository and tag, a port being neither', async (t) => {
  t.same(splitTag('a/b:1'), { repo: 'a/b', tag: '1' });
  t.same(splitTag('host:5000/a/b'), { repo: 'host:5000/a/b', tag: 'latest' });
  t.same(splitTag('host:5000/a/b:x'), { repo: 'host:5000/a/b', tag: 'x' });
  t.same(splitTag('host:5000/a@sha256:12'), { repo: 'host:5000/a', tag: 'sha256:12' });
  t.same(splitTag('host:5000/a:x@sha256:12'), { repo: 'host:5000/a', tag: 'sha256:12' });
});

t.test('an answer of 200 that says inside that it failed is a failure', async (t) => {
  t.throws(() => throwIfError({ errorDetail: { message: 'no space left on device' } }, 'load'), {
    code: 'engine.refused',
    next: /disk/,
  });
  t.throws(() => throwIfError({ error: 'bad' }, 'load'), { message: 'Could not load: bad' });
  t.doesNotThrow(() => throwIfError({ status: 'error: a layer name' }, 'load'));
});

t.test('progress carries the layer and its bytes', async (t) => {
  const line = { status: 'Loading layer', id: 'abc', progressDetail: { current: 5, total: 10 } };
  t.match(progressFrom(line), { status: 'Loading layer', layer: 'abc', currentBytes: 5, totalBytes: 10 });
});

t.test('health stands in a list’s text', async (t) => {
  t.equal(healthInText('Up 3 minutes (healthy)'), 'healthy');
  t.equal(healthInText('Up 1 second (health: starting)'), 'starting');
  t.equal(healthInText('Up 2 hours (unhealthy)'), 'unhealthy');
  t.equal(healthInText('Up 2 hours (Paused)'), 'none');
});

t.test('an event keeps no command, only health', async (t) => {
  const at = { timeNano: 1_795_237_200_000_000_000 };
  const exec = happeningFrom({
    ...at,
    Type: 'container',
    Action: 'exec_create: mysql -psecret',
    Actor: { ID: 'a' },
  });
  t.match(exec, { action: 'exec_create', id: 'a' });
  t.notMatch(JSON.stringify(exec), 'secret');
  const health = happeningFrom({
    ...at,
    Type: 'container',
    Action: 'health_status: unhealthy',
    Actor: { ID: 'a' },
  });
  t.match(health, { action: 'health_status', health: 'unhealthy' });
  t.equal(health.at.toISOString(), '2026-11-21T05:00:00.000Z');
});

t.test('the containerd store, cgroup version and architecture are recognised', async (t) => {
  const raw = {
    ServerVersion: '29.0.0',
    Driver: 'overlayfs',
    DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']] as const,
    DockerRootDir: '/var/lib/docker',
    CgroupVersion: '2',
    CgroupDriver: 'systemd',
    Architecture: 'aarch64',
    OperatingSystem: 'Debian',
    KernelVersion: '6',
    NCPU: 4,
    MemTotal: 1,
    LoggingDriver: 'json-file',
    LiveRestoreEnabled: true,
    SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless'],
    Containers: 0,
  };
  t.match(infoFrom(raw, '1.52'), {
    containerdStore: true,
    cgroupVersion: 2,
    architecture: 'arm64',
    rootless: true,
    swarm: false,
  });
  const classic = { ...raw, DriverStatus: [['Backing Filesystem', 'extfs']] as const, Driver: 'overlay2' };
  t.equal(infoFrom(classic, '1.41').containerdStore, false);
});

t.test('usage is read from cgroup v1 and v2, without the cache that can be given back', async (t) => {
  const usage = (stats: object): unknown =>
    usageFrom({
      read: '2026-11-21T05:00:00Z',
      cpu_stats: { cpu_usage: { total_usage: 3e9 }, system_cpu_usage: 110e9, online_cpus: 4 },
      precpu_stats: { cpu_usage: { total_usage: 2e9 }, system_cpu_usage: 106e9 },
      memory_stats: { usage: 1000, limit: 5000, stats },
      pids_stats: { current: 7 },
      networks: { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 3, tx_bytes: 4 } },
      blkio_stats: {
        io_service_bytes_recursive: [
          { op: 'Read', value: 5 },
          { op: 'write', value: 6 },
        ],
      },
    } as never);
  const expected = {
    cpuPercent: 100,
    cpuSeconds: 3,
    memoryLimitBytes: 5000,
    processes: 7,
    receivedBytes: 4,
    sentBytes: 6,
    readBytes: 5,
    writtenBytes: 6,
  };
  t.match(usage({ inactive_file: 300 }), { ...expected, memoryBytes: 700 });
  t.match(usage({ total_inactive_file: 400, inactive_file: 1 }), { ...expected, memoryBytes: 600 });
});
