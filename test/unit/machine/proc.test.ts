import t from 'tap';
import {
  hasDefaultRouteV6,
  overlaps,
  parseListeners,
  parseNameservers,
  parseRoutes,
} from '../../../src/machine/parse/net.ts';
import { mountOf, parseMountinfo } from '../../../src/machine/parse/mounts.ts';
import {
  parseChoice,
  parseCpuinfo,
  parseCpuList,
  parseMeminfo,
  parseOpenFiles,
  parseOsRelease,
} from '../../../src/machine/parse/proc.ts';
import { isAtLeast } from '../../../src/machine/parse/versions.ts';

t.test('a list of processors is read with ranges, gaps, and a huge one does not hang', async (t) => {
  t.strictSame([...parseCpuList('0-3,8,10-11\n')], [0, 1, 2, 3, 8, 10, 11]);
  t.equal(parseCpuList('').size, 0);
  t.ok(parseCpuList('0-99999999999').size <= 65_536);
});

t.test('meminfo is read in bytes, and counters without a unit as they are', async (t) => {
  const text =
    'MemTotal:       24684084 kB\nMemAvailable:   24274564 kB\nSwapTotal:             0 kB\nHugePages_Total:       7\n';
  t.equal(parseMeminfo(text).get('MemTotal'), 25_276_502_016);
  t.equal(parseMeminfo(text).get('SwapTotal'), 0);
  t.equal(parseMeminfo(text).get('HugePages_Total'), 7);
  t.equal(parseMeminfo('MemTot').size, 0);
});

t.test('cpuinfo is read from x86 and from ARM', async (t) => {
  const x86 =
    'processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu sse4_2 aes avx2 sha_ni\n\nprocessor\t: 1\nmodel name\t: other\n';
  t.equal(parseCpuinfo(x86).model, 'AMD EPYC');
  t.ok(parseCpuinfo(x86).flags.has('sha_ni'));
  const arm = 'processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd aes sha2\nCPU part\t: 0xd0c\n';
  t.match(parseCpuinfo(arm).model, /0xd0c/);
  t.ok(parseCpuinfo(arm).flags.has('asimd'));
});

t.test('the row of open files is read, also without limit', async (t) => {
  const head = 'Limit                     Soft Limit           Hard Limit           Units     \n';
  const row = 'Max open files            1024                 524288               files     \n';
  t.strictSame(parseOpenFiles(head + row), { soft: 1024, hard: 524_288 });
  t.strictSame(parseOpenFiles('Max open files            unlimited            unlimited            files'), {
    soft: null,
    hard: null,
  });
  t.equal(parseOpenFiles(head), undefined);
});

t.test('os-release is read with and without quotes', async (t) => {
  const fields = parseOsRelease('ID=debian\nVERSION_ID="12"\nNAME=\'A b\'\n# x\nID_LIKE="rhel centos"\n');
  t.strictSame(Object.fromEntries(fields), {
    ID: 'debian',
    VERSION_ID: '12',
    NAME: 'A b',
    ID_LIKE: 'rhel centos',
  });
});

t.test('the chosen word of a kernel setting is read', async (t) => {
  t.equal(parseChoice('always [madvise] never\n'), 'madvise');
  t.equal(parseChoice('odd'), null);
});

t.test('versions are compared by number, and a word is no version', async (t) => {
  t.equal(isAtLeast('20.10.24+dfsg1', '20.10'), true);
  t.equal(isAtLeast('6.1.0-28-amd64', '4.18'), true);
  t.equal(isAtLeast('4.9.0', '4.18'), false);
  t.equal(isAtLeast('v2.40.3-desktop.1', '2.20'), true);
  t.equal(isAtLeast('dev', '2.20'), undefined);
});

const mountinfo = [
  '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard',
  '28 27 0:24 / /mnt/my\\040disk rw,noexec - nfs4 host:/export rw,vers=4.2',
  '45 27 254:0 /var/lib/docker /var/lib/docker rw,relatime shared:1 master:2 - ext4 /dev/vda rw',
  '46 27 259:3 / /var/lib/docker rw,relatime - xfs /dev/nvme0n1p3 rw',
  'garbage',
  '',
].join('\n');

t.test('mounts are read with optional fields and octal escapes', async (t) => {
  const mounts = parseMountinfo(mountinfo);
  t.equal(mounts.length, 4);
  t.equal(mounts[1]?.point, '/mnt/my disk');
  t.ok(mounts[1]?.options.has('noexec'));
  t.equal(mounts[2]?.filesystem, 'ext4');
});

t.test('a path stands on the longest and latest mount, by whole names', async (t) => {
  const mounts = parseMountinfo(mountinfo);
  t.equal(
    mountOf(mounts, '/var/lib/docker/overlay2')?.source,
    '/dev/nvme0n1p3',
    'the later one hides the earlier',
  );
  t.equal(mountOf(mounts, '/var/lib/docker-old')?.point, '/');
  t.equal(mountOf([], '/x'), undefined);
});

t.test('listening sockets are read from both tables, and others are not', async (t) => {
  const v4 = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1589 1 0 100 0 0 10 0',
    '   1: 070200C0:D431 0100007F:01BB 01 00000000:00000000 00:00000000 00000000     0        0 1590 1 0 20 4 30 10 -1',
  ].join('\n');
  t.strictSame(parseListeners(v4), [{ address: '127.0.0.1', port: 443, inode: '1589' }]);
  const row = (hex: string): string =>
    `   0: ${hex}:0050 ${'0'.repeat(32)}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0 100 0 0 10 0`;
  t.equal(parseListeners(row('0'.repeat(32)))[0]?.address, '::');
  t.equal(parseListeners(row('00000000000000000000000001000000'))[0]?.address, '::1');
  t.equal(parseListeners(row('0000000000000000FFFF00000100007F'))[0]?.address, '0:0:0:0:0:ffff:7f00:1');
});

t.test('routes are read as networks, and rows that are down are not', async (t) => {
  const text = [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
    'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
    'docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0',
    'tun0\t000010AC\t00000000\t0000\t0\t0\t0\t0000F0FF\t0\t0\t0',
  ].join('\n');
  t.strictSame(parseRoutes(text), [
    { interface: 'eth0', network: '0.0.0.0/0', gateway: '192.0.2.1' },
    { interface: 'docker0', network: '172.17.0.0/16', gateway: '0.0.0.0' },
  ]);
});

t.test('an IPv6 default route is seen, and the reject on lo is not one', async (t) => {
  const zero = '0'.repeat(32);
  const route = (name: string): string =>
    `${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     ${name}`;
  t.equal(hasDefaultRouteV6(route('eth0')), true);
  t.equal(hasDefaultRouteV6(route('lo')), false);
  t.equal(hasDefaultRouteV6(''), false);
});

t.test('networks overlap when they share an address, and nonsense never does', async (t) => {
  t.equal(overlaps('172.17.0.0/16', '172.16.0.0/12'), true);
  t.equal(overlaps('172.17.3.9/16', '172.17.255.0/24'), true);
  t.equal(overlaps('10.0.0.0/8', '11.0.0.0/8'), false);
  t.equal(overlaps('0.0.0.0/0', '192.0.2.1/32'), true);
  for (const odd of ['fd00::/64', '300.0.0.0/8', '10.0.0.0/40', ''])
    t.equal(overlaps(odd, '0.0.0.0/0'), false, odd);
});

t.test('name servers are read, and comments are not', async (t) => {
  t.strictSame(
    parseNameservers('# nameserver 1.1.1.1\nnameserver 192.0.2.53\n  nameserver fd00::53\nsearch x\n'),
    ['192.0.2.53', 'fd00::53'],
  );
});
