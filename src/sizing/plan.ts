// Machine facts and a release's demand become a plan in which every number has its reason, or a refusal that
// says exactly what is missing. Pure: the same input always gives the same plan.

import { formatBytes } from '../base/units.ts';
import { sizeApp } from './apps.ts';
import type { AppShare } from './apps.ts';
import { ceilingCpus, CPU, cpusOf, divideCpu, extraReservationMicro, microOf, partLimitCpus } from './cpu.ts';
import { assertMachine } from './demand.ts';
import { divideDisk } from './disk.ts';
import { divideMemory, UNDECLARED_EXTRA_BYTES } from './memory.ts';
import { mysqlConnections, mysqlSettings } from './mysql.ts';
import { nginxSettings, objectStoreSettings, redisSettings } from './parts.ts';
import type { PartSettings } from './parts.ts';
import { sizeDisk, sizeReserves } from './reserves.ts';
import type {
  DiskShare,
  ExtraDemand,
  PartDemand,
  Reason,
  ServiceSize,
  SizingDemand,
  SizingMachine,
  SizingPlan,
  SizingResult,
} from './schema.ts';
import { shortfallsOf } from './shortfall.ts';
import { cpuWords, percent, put } from './sheet.ts';
import type { Sheet } from './sheet.ts';
import { tierOf } from './tier.ts';

const FORMULA = 1;

/** Everything that is decided before a service is looked at: one grant a claim in each dimension. */
interface Division {
  readonly machine: SizingMachine;
  readonly demand: SizingDemand;
  readonly memory: ReadonlyMap<string, number>;
  readonly cpu: ReadonlyMap<string, number>;
  readonly disk: ReadonlyMap<DiskShare['name'], number>;
}

export function planSize(machine: SizingMachine, demand: SizingDemand): SizingResult {
  assertMachine(machine);
  const shortfalls = shortfallsOf(machine, demand);
  if (shortfalls.length > 0) return { ok: false, shortfalls };
  const division: Division = {
    machine,
    demand,
    memory: divideMemory(machine.memoryBytes, demand),
    cpu: divideCpu(machine.cpus, demand),
    disk: divideDisk(machine.diskBytes, demand),
  };
  return { ok: true, plan: planFrom(division) };
}

function planFrom(division: Division): SizingPlan {
  const { machine, demand } = division;
  const reasons: Reason[] = [];
  const services = sizeServices(division, reasons);
  const reserves = sizeReserves(reasons, machine.memoryBytes, division.memory, division.cpu);
  const disk = sizeDisk(reasons, machine.diskBytes, division.disk, demand);
  const sheet = { service: 'machine', reasons };
  const tier = tierOf(sheet, tierFacts(division, services));
  return {
    formula: FORMULA,
    machine,
    tier,
    services,
    reserves,
    disk,
    unassignedMemoryBytes: unassigned(sheet, machine, services, reserves),
    unreservedCpus: unreserved(sheet, machine, services, reserves),
    reasons,
  };
}

function sizeServices(division: Division, reasons: Reason[]): ServiceSize[] {
  const { machine, demand } = division;
  return [
    ...demand.apps.map((app) => {
      const share = appShare(division, app.name);
      return sizeApp({ service: app.name, reasons }, app, share, machine, demand);
    }),
    ...demand.parts.map((part) => sizePart({ service: part.name, reasons }, part, division)),
    ...demand.extras.map((extra) => sizeExtra({ service: extra.name, reasons }, extra, machine)),
  ];
}

function appShare({ demand, memory, cpu }: Division, name: string): AppShare {
  const bounds = demand.parts
    .filter((part) => part.role === 'mysql')
    .map((part) => mysqlConnections(memory.get(part.name)!, demand));
  return {
    memoryBytes: memory.get(name)!,
    cpuMicro: cpu.get(name)!,
    maxConnections: bounds.length === 0 ? undefined : Math.min(...bounds),
  };
}

type PartSizer = (sheet: Sheet, limitBytes: number, division: Division) => PartSettings;

const PART_SIZERS: Record<PartDemand['role'], PartSizer> = {
  mysql: (sheet, limit, { machine, demand, disk }) =>
    mysqlSettings(sheet, limit, disk.get('database')!, machine, demand),
  redis: (sheet, limit, { machine, disk }) => redisSettings(sheet, limit, disk.get('cache')!, machine),
  minio: (sheet, limit) => objectStoreSettings(sheet, limit),
  nginx: (sheet, limit, { machine }) => nginxSettings(sheet, limit, machine),
};

const PART_WHY: Record<PartDemand['role'], string> = {
  mysql: 'the database gains most from memory, so it has the largest part of what is left after all minimums',
  redis: 'sessions and cached lists, and room to copy pages while it saves itself',
  minio: 'uploads in flight; what it reads often is cached by the kernel beside it',
  nginx: 'connections and buffers; it needs little',
};

function sizePart(sheet: Sheet, part: PartDemand, division: Division): ServiceSize {
  const { machine } = division;
  const limit = division.memory.get(part.name)!;
  const cpuLimit = partLimitCpus(part.role, machine.cpus);
  const cpuReservation = division.cpu.get(part.name)! / CPU;
  const share = `${formatBytes(limit)}, ${percent(limit, machine.memoryBytes)} of ${formatBytes(machine.memoryBytes)}`;
  put(sheet, 'memoryLimitBytes', limit, 'bytes', `${share}: ${PART_WHY[part.role]}.`);
  put(sheet, 'replicas', 1, 'count', 'One: its data has one owner, or it is the one way in.');
  put(sheet, 'cpuLimit', cpuLimit, 'cpus', limitWhy(cpuLimit, machine));
  put(sheet, 'cpuReservation', cpuReservation, 'cpus', reservationWhy(cpuReservation, machine));
  const { settings, reservationBytes } = PART_SIZERS[part.role](sheet, limit, division);
  const reserved = Math.min(limit, reservationBytes);
  put(sheet, 'memoryReservationBytes', reserved, 'bytes', memoryReservationWhy(reserved, limit));
  return {
    name: part.name,
    role: part.role,
    replicas: 1,
    memoryLimitBytes: limit,
    memoryReservationBytes: reserved,
    cpuLimit,
    cpuReservation,
    settings,
  };
}

function limitWhy(cpus: number, machine: SizingMachine): string {
  return `It may use ${cpuWords(cpus)} of ${machine.cpus} while others leave them idle; limits overlap, reservations do not.`;
}

function reservationWhy(cpus: number, machine: SizingMachine): string {
  return `${cpuWords(cpus)}, ${percent(cpus, machine.cpus)} of the machine's ${machine.cpus}, are sure when everything is busy.`;
}

function memoryReservationWhy(bytes: number, limit: number): string {
  return `${formatBytes(bytes)} of its ${formatBytes(limit)} are in steady use; under pressure the kernel takes from the rest first.`;
}

function sizeExtra(sheet: Sheet, extra: ExtraDemand, machine: SizingMachine): ServiceSize {
  const limit = extra.memoryLimitBytes ?? UNDECLARED_EXTRA_BYTES;
  const reserved = Math.min(limit, extra.memoryReservationBytes ?? Math.floor(limit / 2));
  const cpuReservation = extraReservationMicro(extra.cpuReservation) / CPU;
  const ceiling = ceilingCpus(machine.cpus);
  const cpuLimit = Math.max(cpuReservation, Math.min(ceiling, extra.cpuLimit ?? ceiling));
  const said = extra.memoryLimitBytes === undefined ? 'Its vendor set no limit; it gets' : 'Its vendor says';
  return {
    name: extra.name,
    role: null,
    replicas: put(sheet, 'replicas', extra.replicas ?? 1, 'count', 'As the release carries it.'),
    memoryLimitBytes: put(sheet, 'memoryLimitBytes', limit, 'bytes', `${said} ${formatBytes(limit)}.`),
    memoryReservationBytes: put(
      sheet,
      'memoryReservationBytes',
      reserved,
      'bytes',
      memoryReservationWhy(reserved, limit),
    ),
    cpuLimit: put(sheet, 'cpuLimit', cpuLimit, 'cpus', limitWhy(cpuLimit, machine)),
    cpuReservation: put(
      sheet,
      'cpuReservation',
      cpuReservation,
      'cpus',
      reservationWhy(cpuReservation, machine),
    ),
    settings: {},
  };
}

function tierFacts(division: Division, services: readonly ServiceSize[]): Parameters<typeof tierOf>[1] {
  const { demand, disk } = division;
  const data = services.filter(({ role }) => role === 'mysql' || role === 'redis');
  return {
    apps: demand.apps.map((app) => ({
      app,
      share: appShare(division, app.name),
      replicas: services.find((service) => service.name === app.name)!.replicas,
    })),
    dataMemoryBytes: data.length === 0 ? undefined : sum(data.map((service) => service.memoryLimitBytes)),
    dataDiskBytes: disk.get('database')! + disk.get('objects')!,
  };
}

function unassigned(
  sheet: Sheet,
  machine: SizingMachine,
  services: readonly ServiceSize[],
  reserves: SizingPlan['reserves'],
): number {
  const limits = sum(services.map((service) => service.replicas * service.memoryLimitBytes));
  const bytes = machine.memoryBytes - limits - sum(reserves.map((reserve) => reserve.memoryBytes));
  const why = `${formatBytes(bytes)} stay with the kernel, which caches files in it. With more CPUs, replicas would use it; no service loses anything then.`;
  return put(sheet, 'unassignedMemoryBytes', bytes, 'bytes', why);
}

function unreserved(
  sheet: Sheet,
  machine: SizingMachine,
  services: readonly ServiceSize[],
  reserves: SizingPlan['reserves'],
): number {
  const micro =
    sum(services.map((service) => service.replicas * Math.round(service.cpuReservation * CPU))) +
    sum(reserves.map((reserve) => Math.round(reserve.cpus * CPU)));
  const cpus = cpusOf(microOf(machine.cpus) - micro);
  return put(sheet, 'unreservedCpus', cpus, 'cpus', `${cpuWords(cpus)} go to whoever needs them first.`);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
