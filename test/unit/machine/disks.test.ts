import t from 'tap';
import { readdirSync } from 'node:fs';
import { disksUnder, storeOf } from '../../../src/machine/block-devices.ts';
import { measureFlush, summaryOf } from '../../../src/machine/flush.ts';
import type { Mount } from '../../../src/machine/parse/mounts.ts';
import { createSource } from '../../../src/machine/source.ts';
import { buildTree } from './fixtures/tree.ts';

const none: ReadonlySet<string> = new Set();
const mount = (majorMinor: string, source = '/dev/x'): Mount => ({
  majorMinor,
  root: '/',
  point: '/',
  options: none,
  filesystem: 'ext4',
  source,
  superOptions: none,
});

const devices = '/sys/devices/pci0000:00';
const files = {
  [`${devices}/nvme/nvme0n1/queue/rotational`]: '0\n',
  [`${devices}/nvme/nvme0n1/nvme0n1p2/partition`]: '2\n',
  [`${devices}/ata1/sda/queue/rotational`]: '1\n',
  [`${devices}/ata1/sda/sda1/partition`]: '1\n',
  [`${devices}/virtio2/vda/queue/rotational`]: '1\n',
  '/sys/devices/virtual/block/dm-0/queue/rotational': '0\n',
  '/sys/devices/virtual/block/md0/queue/rotational': '0\n',
  [`${devices}/odd/sdz/size`]: '1\n',
};
const links = {
  '/sys/dev/block/259:2': '../../devices/pci0000:00/nvme/nvme0n1/nvme0n1p2',
  '/sys/dev/block/8:1': '../../devices/pci0000:00/ata1/sda/sda1',
  '/sys/dev/block/254:0': '../../devices/pci0000:00/virtio2/vda',
  '/sys/dev/block/253:0': '../../devices/virtual/block/dm-0',
  '/sys/dev/block/8:240': '../../devices/pci0000:00/odd/sdz',
  '/sys/class/block/nvme0n1p2': '../../devices/pci0000:00/nvme/nvme0n1/nvme0n1p2',
  // Encrypted volume on a RAID of an NVMe and a spinning partition.
  '/sys/devices/virtual/block/dm-0/slaves/md0': '../../md0',
  '/sys/devices/virtual/block/md0/slaves/nvme0n1p2': '../../../../pci0000:00/nvme/nvme0n1/nvme0n1p2',
  '/sys/devices/virtual/block/md0/slaves/sda1': '../../../../pci0000:00/ata1/sda/sda1',
};

t.test('the disks under a mount are found', async (t) => {
  const source = createSource(buildTree(t.testdir(), files, links));
  const look = (one: Mount): Promise<unknown> => disksUnder(source, one);
  t.strictSame(await look(mount('259:2')), { disks: ['nvme0n1'], rotational: false }, 'an NVMe partition');
  t.strictSame(await look(mount('8:1')), { disks: ['sda'], rotational: true }, 'a SATA partition');
  t.strictSame(await look(mount('254:0')), { disks: ['vda'], rotational: true }, 'a whole virtio disk');
  t.strictSame(
    await look(mount('253:0')),
    { disks: ['nvme0n1', 'sda'], rotational: true },
    'through dm and RAID',
  );
  t.strictSame(
    await look(mount('0:45', '/dev/nvme0n1p2')),
    { disks: ['nvme0n1'], rotational: false },
    'btrfs by name',
  );
  t.strictSame(await look(mount('0:46', 'host:/export')), { disks: [], rotational: null }, 'NFS has none');
  t.strictSame(await look(mount('8:240')), { disks: ['sdz'], rotational: null }, 'a disk that does not tell');
});

t.test('bind mounts of one device share its room', async (t) => {
  t.equal(
    storeOf({ device: '/dev/vda', mount: '/' }),
    storeOf({ device: '/dev/vda', mount: '/var/lib/docker' }),
  );
  t.not(storeOf({ device: 'tmpfs', mount: '/tmp' }), storeOf({ device: 'tmpfs', mount: '/run' }));
});

t.test('flushes are measured within the budget, and nothing is left behind', async (t) => {
  const folder = t.testdir();
  const flush = await measureFlush(folder, 200);
  t.ok(flush.samples >= 1 && flush.samples <= 64);
  t.ok(flush.medianMs > 0 && flush.p99Ms >= flush.medianMs);
  t.strictSame(readdirSync(folder), []);
  await t.rejects(measureFlush(`${folder}/absent`, 10), { code: 'ENOENT' });
});

t.test('median and 99th percentile are those of the samples', async (t) => {
  const flush = summaryOf([5, 1, 2, 3, 100]);
  t.equal(flush.medianMs, 3);
  t.equal(flush.p99Ms, 100);
});
