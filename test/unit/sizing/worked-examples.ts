// The table of worked examples in docs/sizing.md. Run with `--write` it brings the page up to date.

import { readFile, writeFile } from 'node:fs/promises';
import { GIB, TIB, formatBytes } from '../../../src/base/units.ts';
import { defaultDemand } from '../../../src/sizing/index.ts';
import type { ServiceSize, SizingMachine, SizingPlan } from '../../../src/sizing/index.ts';
import { planned } from './machines.ts';

const PAGE = new URL('../../../docs/sizing.md', import.meta.url);
const BEGIN = '<!-- worked examples: made by test/unit/sizing/worked-examples.ts -->';
const END = '<!-- end of worked examples -->';

const EXAMPLES: SizingMachine[] = [
  { cpus: 2, memoryBytes: 3.8 * GIB, diskBytes: 17 * GIB, rotational: null },
  { cpus: 4, memoryBytes: 15.6 * GIB, diskBytes: 230 * GIB, rotational: true },
  { cpus: 16, memoryBytes: 62.7 * GIB, diskBytes: 1.8 * TIB, rotational: false, fsyncMs: 1 },
  { cpus: 96, memoryBytes: 251 * GIB, diskBytes: 7 * TIB, rotational: false, fsyncMs: 0.1 },
].map((machine) => ({
  ...machine,
  memoryBytes: Math.floor(machine.memoryBytes),
  diskBytes: Math.floor(machine.diskBytes),
}));

type Cell = (plan: SizingPlan) => string;

const service = (plan: SizingPlan, name: string): ServiceSize =>
  plan.services.find((one) => one.name === name)!;
const limit =
  (name: string): Cell =>
  (plan) =>
    formatBytes(service(plan, name).memoryLimitBytes);
const bytes =
  (name: string, key: string): Cell =>
  (plan) =>
    formatBytes(Number(service(plan, name).settings[key]));
const number =
  (name: string, key: string): Cell =>
  (plan) =>
    String(service(plan, name).settings[key]);
const reserve =
  (name: string): Cell =>
  (plan) =>
    formatBytes(plan.reserves.find((one) => one.name === name)!.memoryBytes);
const disk =
  (name: string): Cell =>
  (plan) =>
    formatBytes(plan.disk.find((one) => one.name === name)!.bytes);

function kindOf({ rotational, fsyncMs }: SizingMachine): string {
  const kind = rotational === null ? 'unknown' : rotational ? 'spinning' : 'SSD';
  return fsyncMs === undefined ? kind : `${kind}, fsync ${fsyncMs} ms`;
}

const ROWS: readonly (readonly [string, Cell])[] = [
  ['CPUs', (plan) => String(plan.machine.cpus)],
  ['memory', (plan) => formatBytes(plan.machine.memoryBytes)],
  ['disk', (plan) => `${formatBytes(plan.machine.diskBytes)} (${kindOf(plan.machine)})`],
  ['**tier**', (plan) => plan.tier.name],
  ['**users, about**', (plan) => `${plan.tier.users} (by ${plan.tier.limitedBy})`],
  ['app replicas', (plan) => String(service(plan, 'app').replicas)],
  ['one replica', limit('app')],
  ['mysql', limit('mysql')],
  ['`innodb_buffer_pool_size`', bytes('mysql', 'innodb_buffer_pool_size')],
  ['`innodb_redo_log_capacity`', bytes('mysql', 'innodb_redo_log_capacity')],
  ['`innodb_io_capacity`', number('mysql', 'innodb_io_capacity')],
  ['`max_connections`', number('mysql', 'max_connections')],
  ['mysql CPU, sure / at most', cpus('mysql')],
  ['redis', limit('redis')],
  ['`maxmemory`', bytes('redis', 'maxmemory')],
  ['minio', limit('minio')],
  ['nginx', limit('nginx')],
  ['`worker_processes` × `worker_connections`', workers],
  ['reserve: system and page cache', reserve('system')],
  ['reserve: daemon', reserve('daemon')],
  ['reserve: surge', reserve('surge')],
  ['reserve: scratch', reserve('scratch')],
  ['reserve: edge', reserve('edge')],
  ['unassigned, to the page cache', (plan) => formatBytes(plan.unassignedMemoryBytes)],
  ['disk: database', disk('database')],
  ['disk: objects', disk('objects')],
  ['disk: backups', disk('backups')],
];

function cpus(name: string): Cell {
  return (plan) => `${service(plan, name).cpuReservation} / ${service(plan, name).cpuLimit}`;
}

function workers(plan: SizingPlan): string {
  const { settings } = service(plan, 'nginx');
  return `${settings['worker_processes']} × ${settings['worker_connections']}`;
}

export function workedExamples(): string {
  const plans = EXAMPLES.map((machine) => planned(machine, defaultDemand)!);
  const names = ['a small VM', 'an office server', 'a server', 'a large server'];
  const lines = ROWS.map(([title, cell]) => `| ${[title, ...plans.map(cell)].join(' | ')} |`);
  return [`| | ${names.join(' | ')} |`, `|---|${names.map(() => '---:').join('|')}|`, ...lines].join('\n');
}

/** The page with its table replaced by `table`. */
function withTable(page: string, table: string): string {
  const [head, rest] = page.split(BEGIN) as [string, string];
  return `${head}${BEGIN}\n\n${table}\n\n${END}${rest.split(END)[1]}`;
}

export async function readPage(): Promise<{ readonly now: string; readonly right: string }> {
  const now = await readFile(PAGE, 'utf8');
  return { now, right: withTable(now, workedExamples()) };
}

if (import.meta.main && process.argv.includes('--write')) {
  await writeFile(PAGE, (await readPage()).right);
}
