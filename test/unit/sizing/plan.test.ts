// What holds for every machine: sums fit, nothing shrinks on a larger machine, floors and connections hold.

import t from 'tap';
import { Value } from 'typebox/value';
import { GIB, MIB, TIB } from '../../../src/base/units.ts';
import { defaultDemand, planSize, SizingPlanSchema, SizingResultSchema } from '../../../src/sizing/index.ts';
import type { ServiceSize, SizingDemand, SizingMachine, SizingPlan } from '../../../src/sizing/index.ts';
import { instancesOf, chunkOf } from '../../../src/sizing/mysql.ts';
import { appOnly, busyDemand, grid, losses, planned, randomMachine, seeded } from './machines.ts';

const DEMANDS: Record<string, SizingDemand> = {
  'the default stack': defaultDemand,
  'a busy stack': busyDemand,
  'an app alone': appOnly,
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function serviceOf(plan: SizingPlan, role: ServiceSize['role']): ServiceSize | undefined {
  return plan.services.find((service) => service.role === role);
}

function setting(service: ServiceSize | undefined, key: string): number {
  return Number(service?.settings[key] ?? 0);
}

function* samples(): Generator<SizingMachine> {
  yield* grid();
  const random = seeded(20261121);
  for (let i = 0; i < 1500; i += 1) yield randomMachine(random);
}

/** Everything that must hold for one plan; each finding is a sentence. */
function findings(plan: SizingPlan, demand: SizingDemand): string[] {
  return [
    ...sumFindings(plan),
    ...serviceFindings(plan),
    ...connectionFindings(plan, demand),
    ...settingFindings(plan),
  ];
}

function sumFindings({ machine, services, reserves, disk, ...plan }: SizingPlan): string[] {
  const memory =
    sum(services.map((service) => service.replicas * service.memoryLimitBytes)) +
    sum(reserves.map((reserve) => reserve.memoryBytes));
  const cpus =
    sum(services.map((service) => service.replicas * service.cpuReservation)) +
    sum(reserves.map((reserve) => reserve.cpus));
  const bytes = sum(disk.map((share) => share.bytes));
  const said: [boolean, string][] = [
    [memory > machine.memoryBytes, `memory ${memory}`],
    [memory + plan.unassignedMemoryBytes !== machine.memoryBytes, 'memory that nobody accounts for'],
    [cpus > machine.cpus + 1e-9, `reserved CPUs ${cpus}`],
    [bytes > machine.diskBytes, `disk ${bytes}`],
  ];
  return said.filter(([bad]) => bad).map(([, what]) => what);
}

function serviceFindings({ machine, services }: SizingPlan): string[] {
  return services.flatMap((service) => {
    const said: [boolean, string][] = [
      [service.cpuLimit > machine.cpus, 'CPU limit above the machine'],
      [service.cpuLimit < service.cpuReservation, 'CPU limit below its reservation'],
      [service.memoryLimitBytes < service.memoryReservationBytes, 'memory limit below its reservation'],
      [service.cpuReservation < 0.001, 'no CPU'],
      [service.role === 'mysql' && service.memoryLimitBytes < 640 * MIB, 'MySQL below 640 MB'],
      [service.role === 'minio' && service.memoryLimitBytes < 512 * MIB, 'object store below 512 MB'],
      [service.role === 'redis' && service.memoryLimitBytes < 96 * MIB, 'Redis below 96 MB'],
      [service.role === 'nginx' && service.memoryLimitBytes < 96 * MIB, 'nginx below 96 MB'],
    ];
    return said.filter(([bad]) => bad).map(([, what]) => `${service.name}: ${what}`);
  });
}

function connectionFindings(plan: SizingPlan, demand: SizingDemand): string[] {
  const database = serviceOf(plan, 'mysql');
  if (database === undefined) return [];
  const pools = demand.apps.map((app) => {
    const service = plan.services.find(({ name }) => name === app.name)!;
    return { all: service.replicas * setting(service, 'databaseConnections'), app };
  });
  const surge = Math.max(...demand.apps.map((app) => app.databaseConnections ?? 10));
  const needed = sum(pools.map(({ all }) => all)) + surge + 10;
  const offered = setting(database, 'max_connections');
  return needed > offered ? [`${needed} connections needed, ${offered} offered`] : [];
}

function settingFindings(plan: SizingPlan): string[] {
  const [mysql, redis, nginx] = (['mysql', 'redis', 'nginx'] as const).map((role) => serviceOf(plan, role));
  const pool = setting(mysql, 'innodb_buffer_pool_size');
  const chunk = setting(mysql, 'innodb_buffer_pool_chunk_size');
  const most =
    setting(mysql, 'max_connections') * 2 * MIB +
    setting(mysql, 'temptable_max_ram') +
    setting(mysql, 'innodb_log_buffer_size') +
    304 * MIB;
  const workers = setting(nginx, 'worker_processes');
  const clients = (workers * setting(nginx, 'worker_connections')) / 2;
  const files = setting(mysql, 'table_open_cache') * 2 + setting(mysql, 'max_connections') + 10;
  const disk = plan.disk.find(({ name }) => name === 'cache')!.bytes;
  const said: [boolean, string][] = [
    [mysql !== undefined && pool > 0.65 * mysql.memoryLimitBytes, 'pool above 65 %'],
    [mysql !== undefined && pool + most > mysql.memoryLimitBytes, 'MySQL fuller than its container'],
    [mysql !== undefined && pool < 128 * MIB, `pool of ${pool}`],
    [
      mysql !== undefined && pool % (chunk * setting(mysql, 'innodb_buffer_pool_instances')) !== 0,
      'uneven pool',
    ],
    [mysql !== undefined && chunk % MIB !== 0, `chunk of ${chunk}`],
    [pool / Math.max(chunk, 1) > 1000, 'too many chunks'],
    [files > 20_000 || setting(nginx, 'worker_rlimit_nofile') > 20_000, 'too many files'],
    [redis !== undefined && setting(redis, 'maxmemory') > 0.6 * redis.memoryLimitBytes, 'Redis over-full'],
    [redis !== undefined && setting(redis, 'maxmemory') * 3 > disk, 'Redis larger than its disk'],
    [
      nginx !== undefined && clients * 64 * 1024 + workers * 8 * MIB > nginx.memoryLimitBytes,
      'nginx fuller than its container',
    ],
    [workers > Math.max(1, plan.machine.cpus) && nginx !== undefined, 'more workers than CPUs'],
  ];
  return said.filter(([bad]) => bad).map(([, what]) => what);
}

for (const [name, demand] of Object.entries(DEMANDS)) {
  t.test(`every plan for ${name} fits its machine and itself`, async (t) => {
    let fitting = 0;
    const bad: unknown[] = [];
    for (const machine of samples()) {
      const plan = planned(machine, demand);
      if (plan === undefined) continue;
      fitting += 1;
      const found = findings(plan, demand);
      if (found.length > 0) bad.push({ machine, found });
    }
    t.ok(fitting > 5000, `${fitting} machines were large enough`);
    t.same(bad.slice(0, 3), []);
  });

  t.test(`more machine never gives less to any number of ${name}`, async (t) => {
    const random = seeded(7);
    const bad: unknown[] = [];
    let pairs = 0;
    for (const machine of samples()) {
      const plan = planned(machine, demand);
      if (plan === undefined) continue;
      for (const larger of neighbours(machine, random)) {
        const after = planned(larger, demand);
        pairs += 1;
        const lost = after === undefined ? ['refused'] : losses(plan, after);
        if (lost.length > 0) bad.push({ machine, larger, lost });
      }
    }
    t.ok(pairs > 20_000, `${pairs} pairs compared`);
    t.same(bad.slice(0, 3), []);
  });
}

/** One step up in one dimension, near and far; and a better disk. */
function neighbours(machine: SizingMachine, random: () => number): SizingMachine[] {
  const factor = 1 + random() ** 3;
  const few = 1 + Math.floor(random() * 3 * MIB);
  const pick = Math.floor(random() * 2) === 0;
  return [
    { ...machine, cpus: pick ? machine.cpus + 0.01 : machine.cpus * factor },
    { ...machine, cpus: Math.ceil(machine.cpus + random() * 8) },
    { ...machine, memoryBytes: machine.memoryBytes + few },
    { ...machine, memoryBytes: Math.floor(machine.memoryBytes * factor) },
    { ...machine, diskBytes: pick ? machine.diskBytes + few : Math.floor(machine.diskBytes * factor) },
    betterDisk(machine),
  ];
}

function betterDisk(machine: SizingMachine): SizingMachine {
  if (machine.rotational === true) return { ...machine, rotational: null };
  if (machine.rotational === null) return { ...machine, rotational: false };
  return { ...machine, fsyncMs: Math.min(1, machine.fsyncMs ?? 1) / 2 };
}

function sized(cpus: number, memoryBytes: number): SizingPlan {
  return planned({ cpus, memoryBytes, diskBytes: TIB, rotational: false }, defaultDemand)!;
}

t.test('memory grows without a dip at any megabyte from 4 to 40 GB, where all roundings meet', async (t) => {
  const bad: string[][] = [];
  let before = sized(16, 4 * GIB);
  for (let megabytes = 4097; megabytes <= 40 * 1024; megabytes += 1 + (megabytes >> 10)) {
    const after = sized(16, megabytes * MIB + (megabytes % 7) * 1000);
    const lost = losses(before, after);
    if (lost.length > 0) bad.push(lost);
    before = after;
  }
  t.same(bad, []);
});

t.test('a second replica comes before anything else grows', async (t) => {
  const least = refusedMemory(defaultDemand);
  t.equal(serviceOf(sized(2, least), 'app')?.replicas, 1);
  t.equal(serviceOf(sized(2, least + 256 * MIB - 1), 'app')?.replicas, 1);
  const two = sized(2, least + 256 * MIB);
  t.equal(serviceOf(two, 'app')?.replicas, 2);
  t.equal(serviceOf(two, 'mysql')?.memoryLimitBytes, 640 * MIB);
  t.equal(two.unassignedMemoryBytes, 0);
});

function refusedMemory(demand: SizingDemand): number {
  const result = planSize({ cpus: 128, memoryBytes: 0, diskBytes: 20 * TIB, rotational: false }, demand);
  if (result.ok) throw new Error('a machine without memory was sized');
  return result.shortfalls[0]!.needed;
}

t.test(
  'the release decides a fixed number of replicas, and more of it needs a larger database',
  async (t) => {
    const machine = { cpus: 32, memoryBytes: 64 * GIB, diskBytes: TIB, rotational: false };
    const plan = planned(machine, fixed(12))!;
    t.equal(serviceOf(plan, 'app')?.replicas, 12);
    t.ok(setting(serviceOf(plan, 'mysql'), 'max_connections') >= 13 * 40 + 10);
    t.equal(refusedMemory(fixed(13)) - refusedMemory(fixed(12)), 256 * MIB + 40 * 2 * MIB);
  },
);

function fixed(replicas: number): SizingDemand {
  const [app] = defaultDemand.apps;
  return { ...defaultDemand, apps: [{ ...app!, replicas, databaseConnections: 40 }] };
}

t.test('carried services keep what their vendor wrote, and never more CPUs than there are', async (t) => {
  const demand: SizingDemand = {
    ...appOnly,
    extras: [
      { name: 'mail', memoryLimitBytes: 128 * MIB, cpuLimit: 64, cpuReservation: 0.3 },
      { name: 'index' },
    ],
  };
  const plan = planned({ cpus: 4, memoryBytes: 8 * GIB, diskBytes: TIB, rotational: null }, demand)!;
  const [mail, index] = ['mail', 'index'].map((name) => plan.services.find((one) => one.name === name)!);
  t.match(mail, { memoryLimitBytes: 128 * MIB, cpuLimit: 3.6, cpuReservation: 0.3, role: null });
  t.match(index, { memoryLimitBytes: 256 * MIB, cpuLimit: 3.6, cpuReservation: 0.05 });
});

t.test('pool, chunks and instances go round at the sizes where the steps change', async (t) => {
  for (const gigabytes of [1, 2, 4, 8, 16, 32, 64, 128, 512]) {
    const pool = gigabytes * GIB;
    for (const cpus of [1, 4, 8, 24, 128]) {
      t.equal(pool % (chunkOf(pool) * instancesOf(pool, cpus)), 0, `${gigabytes} GB, ${cpus} CPUs`);
    }
  }
  t.equal(instancesOf(64 * GIB, 128), 16);
  t.equal(instancesOf(64 * GIB, 8), 2);
  t.equal(instancesOf(512 * MIB, 128), 1);
});

t.test('the same machine always gets the same plan, and the plan is what its schema says', async (t) => {
  const random = seeded(3);
  for (let i = 0; i < 200; i += 1) {
    const machine = randomMachine(random);
    const [one, two] = [planSize(machine, busyDemand), planSize({ ...machine }, structuredClone(busyDemand))];
    t.same(one, two);
    t.ok(Value.Check(SizingResultSchema, JSON.parse(JSON.stringify(one))));
  }
  const plan = planned({ cpus: 8, memoryBytes: 16 * GIB, diskBytes: TIB, rotational: false }, defaultDemand);
  t.ok(Value.Check(SizingPlanSchema, plan));
  t.notOk(Value.Check(SizingPlanSchema, { ...plan, tier: undefined }));
});

t.test('every number of a plan stands in it with a reason', async (t) => {
  const machine = { cpus: 8, memoryBytes: 16 * GIB, diskBytes: TIB, rotational: false };
  for (const demand of Object.values(DEMANDS)) {
    const plan = planned(machine, demand)!;
    const reasons = new Map(plan.reasons.map((reason) => [`${reason.service} ${reason.key}`, reason]));
    t.equal(reasons.size, plan.reasons.length, 'no number is explained twice');
    const expected = new Map<string, unknown>();
    for (const { name, role: _, settings, ...numbers } of plan.services) {
      for (const [key, value] of Object.entries({ ...numbers, ...settings }))
        expected.set(`${name} ${key}`, value);
    }
    for (const reserve of plan.reserves) {
      expected.set(`${reserve.name} memoryBytes`, reserve.memoryBytes);
      expected.set(`${reserve.name} cpus`, reserve.cpus);
    }
    for (const share of plan.disk) expected.set(`disk ${share.name}`, share.bytes);
    expected.set('machine users', plan.tier.users);
    expected.set('machine tier', plan.tier.name);
    expected.set('machine unassignedMemoryBytes', plan.unassignedMemoryBytes);
    expected.set('machine unreservedCpus', plan.unreservedCpus);
    t.same([...reasons.keys()].toSorted(), [...expected.keys()].toSorted());
    for (const [place, value] of expected) {
      t.equal(reasons.get(place)?.value, value, place);
      const why = reasons.get(place)?.why ?? '';
      t.match(why, /^[A-Z0-9].*\.$/, `${place} has a sentence`);
      t.notMatch(why, /NaN|undefined|Infinity|\?/, place);
    }
  }
});

t.test('a fact that is no number is an error, not a small machine', async (t) => {
  const machine = { cpus: Number.NaN, memoryBytes: 16 * GIB, diskBytes: TIB, rotational: false };
  t.throws(() => planSize(machine, defaultDemand), { code: 'sizing.machine' });
});
