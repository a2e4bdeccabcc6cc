// Machines that people own, the tier they are told, and the page that shows four of them.

import t from 'tap';
import { GIB, MIB, TIB } from '../../../src/base/units.ts';
import { defaultDemand } from '../../../src/sizing/index.ts';
import type { SizingMachine, Tier } from '../../../src/sizing/index.ts';
import { planned } from './machines.ts';
import { readPage } from './worked-examples.ts';

interface Row {
  readonly what: string;
  readonly machine: SizingMachine;
  readonly tier: Tier['name'];
  readonly limitedBy: Tier['limitedBy'];
  readonly replicas: number;
}

const machine = (cpus: number, memoryGb: number, diskBytes: number, rotational: boolean | null) => ({
  cpus,
  memoryBytes: Math.floor(memoryGb * GIB),
  diskBytes,
  rotational,
});

const ROWS: Row[] = [
  {
    what: 'a virtual machine of 1 CPU and 4 GB',
    machine: machine(1, 3.8, 17 * GIB, null),
    tier: 'Minimum',
    limitedBy: 'cpus',
    replicas: 2,
  },
  {
    what: 'a virtual machine of 2 CPUs and 4 GB',
    machine: machine(2, 3.8, 17 * GIB, null),
    tier: 'Minimum',
    limitedBy: 'disk',
    replicas: 2,
  },
  {
    what: 'a demo machine of 2 CPUs and 24 GB',
    machine: machine(2, 23.4, 80 * GIB, null),
    tier: 'Minimum',
    limitedBy: 'cpus',
    replicas: 2,
  },
  {
    what: 'an office server of 4 cores and 16 GB',
    machine: machine(4, 15.6, 230 * GIB, true),
    tier: 'Minimum',
    limitedBy: 'cpus',
    replicas: 4,
  },
  {
    what: 'a server of 8 CPUs and 16 GB',
    machine: machine(8, 15.6, 450 * GIB, false),
    tier: 'Recommended',
    limitedBy: 'cpus',
    replicas: 8,
  },
  {
    what: 'a server of 16 CPUs and 64 GB',
    machine: machine(16, 62.7, TIB, false),
    tier: 'Recommended',
    limitedBy: 'cpus',
    replicas: 15,
  },
  {
    what: 'two sockets, 96 threads and 256 GB',
    machine: machine(96, 251, 7 * TIB, false),
    tier: 'High performance',
    limitedBy: 'cpus',
    replicas: 90,
  },
  {
    what: 'many CPUs and little memory',
    machine: machine(64, 7.7, TIB, false),
    tier: 'Minimum',
    limitedBy: 'memory',
    replicas: 4,
  },
];

for (const row of ROWS) {
  t.test(`${row.what} is ${row.tier} with ${row.replicas} replicas`, async (t) => {
    const plan = planned(row.machine, defaultDemand)!;
    t.match(plan.tier, { name: row.tier, limitedBy: row.limitedBy });
    t.equal(plan.services.find((service) => service.role === 'app')?.replicas, row.replicas);
  });
}

t.test('each tier begins at its number of users', async (t) => {
  const seen = new Map<Tier['name'], number>();
  for (let cpus = 1; cpus <= 128; cpus += 0.25) {
    const { tier } = planned(machine(cpus, 512, 20 * TIB, false), defaultDemand)!;
    seen.set(tier.name, Math.min(seen.get(tier.name) ?? Infinity, tier.users));
  }
  t.same([...seen.keys()], ['Minimum', 'Recommended', 'High performance']);
  t.ok(seen.get('Recommended')! >= 1000 && seen.get('Recommended')! < 1040, 'continuous, not a box');
  t.ok(seen.get('High performance')! >= 10_000 && seen.get('High performance')! < 10_040);
});

t.test(
  'a spinning disk gets fewer background writes than an SSD, and a slow SSD fewer than a fast',
  async (t) => {
    const io = (facts: Partial<SizingMachine>): unknown => {
      const plan = planned({ ...machine(8, 16, TIB, false), ...facts }, defaultDemand)!;
      return plan.services.find((service) => service.role === 'mysql')?.settings['innodb_io_capacity'];
    };
    t.same(
      [
        io({ rotational: true }),
        io({ rotational: true, fsyncMs: 0.1 }),
        io({ rotational: null }),
        io({}),
        io({ fsyncMs: 4 }),
        io({ fsyncMs: 0.1 }),
      ],
      [200, 200, 1000, 2000, 1000, 10_000],
    );
  },
);

t.test('the smallest Redis, object store and replica are what was measured to work', async (t) => {
  const plan = planned(machine(1, 3.5, 16 * GIB, null), defaultDemand)!;
  const limits = Object.fromEntries(
    plan.services.map(({ name, memoryLimitBytes }) => [name, memoryLimitBytes]),
  );
  t.ok(limits['minio']! >= 512 * MIB && limits['minio']! < 530 * MIB);
  t.ok(limits['mysql']! >= 640 * MIB && limits['mysql']! < 680 * MIB);
  t.equal(limits['app'], 256 * MIB);
});

t.test("the page's worked examples are today's numbers", async (t) => {
  const { now, right } = await readPage();
  t.equal(now, right, 'run: node test/unit/sizing/worked-examples.ts --write');
});
