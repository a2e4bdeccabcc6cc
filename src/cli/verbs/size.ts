// `onstead size`: how a machine is divided, this one or any other. Needs no daemon.

import { OnsteadError } from '../../base/errors.ts';
import { formatBytes, parseBytes } from '../../base/units.ts';
import { detectMachine, sizingMachineFrom } from '../../machine/index.ts';
import {
  defaultDemand,
  planSize,
  type Reason,
  type SizingMachine,
  type SizingPlan,
} from '../../sizing/index.ts';
import type { Terminal } from '../terminal.ts';
import { isSet, textFlag, type Verb, type VerbInput } from '../verb.ts';

export const sizeVerb: Verb = {
  name: 'size',
  summary: 'How a machine is divided among the services, and why.',
  usage: 'onstead size [--cpu N] [--memory SIZE] [--disk SIZE] [--explain]',
  flags: {
    cpu: { type: 'string', value: 'N', help: "Count with N CPUs instead of this machine's." },
    memory: { type: 'string', value: 'SIZE', help: 'Count with this much memory, for example 16G.' },
    disk: { type: 'string', value: 'SIZE', help: 'Count with this much disk, for example 500G.' },
    spinning: { type: 'boolean', help: 'Count with a spinning disk.' },
    explain: { type: 'boolean', short: 'e', help: 'Give the reason for every number.' },
  },
  examples: [
    ['onstead size', 'this machine'],
    ['onstead size --cpu 8 --memory 32G --disk 1T --explain', 'a machine you think of buying'],
  ],
  maxArgs: 0,
  async run(input) {
    const { terminal } = input;
    const machine = await machineOf(input);
    const result = planSize(machine, defaultDemand);
    terminal.answer(result);
    if (!result.ok) {
      const isOther = ['cpu', 'memory', 'disk'].some((name) => textFlag(input, name) !== undefined);
      for (const { message } of result.shortfalls) {
        const words = isOther ? message.replace('this machine has', 'the machine you think of has') : message;
        terminal.say(`${terminal.paint('bad', '✗')} ${words}`);
      }
      return 4;
    }
    showPlan(result.plan, terminal);
    if (isSet(input, 'explain')) explain(result.plan.reasons, terminal);
    return 0;
  },
};

async function machineOf(input: VerbInput): Promise<SizingMachine> {
  const [cpu, memory, disk] = ['cpu', 'memory', 'disk'].map((name) => textFlag(input, name));
  const isGiven = cpu !== undefined && memory !== undefined && disk !== undefined;
  const found = isGiven ? undefined : sizingMachineFrom(await detectMachine({ root: input.paths.root }));
  return {
    cpus: cpu === undefined ? found!.cpus : parseCpus(cpu),
    memoryBytes: memory === undefined ? found!.memoryBytes : parseSize(memory),
    diskBytes: disk === undefined ? found!.diskBytes : parseSize(disk),
    rotational: isSet(input, 'spinning') ? true : (found?.rotational ?? null),
    ...(found?.fsyncMs === undefined ? {} : { fsyncMs: found.fsyncMs }),
  };
}

/** A bare number is too easily meant in another unit than bytes. */
function parseSize(text: string): number {
  const bytes = parseBytes(text);
  if (/[a-z]\s*$/i.test(text)) return bytes;
  throw new OnsteadError('usage.size', `"${text}" has no unit.`, { next: `For example ${text.trim()}G.` });
}

function parseCpus(text: string): number {
  const cpus = Number(text);
  if (cpus > 0 && Number.isFinite(cpus)) return cpus;
  throw new OnsteadError('usage.number', `"${text}" is not a number of CPUs.`, {
    next: 'For example `--cpu 4`.',
  });
}

function showPlan(plan: SizingPlan, terminal: Terminal): void {
  const { machine, tier } = plan;
  terminal.say(
    `${machine.cpus} ${machine.cpus === 1 ? 'CPU' : 'CPUs'}, ${formatBytes(machine.memoryBytes)} of memory, ${formatBytes(machine.diskBytes)} of disk: ` +
      `${terminal.paint('strong', tier.name)}, about ${tier.users.toLocaleString('en')} users (limited by ${tier.limitedBy})`,
  );
  terminal.say();
  terminal.table([
    ['service', 'replicas', 'memory', 'CPU at most', 'CPU kept'].map((head) => terminal.paint('dim', head)),
    ...plan.services.map((one) => [
      one.name,
      String(one.replicas),
      formatBytes(one.memoryLimitBytes),
      String(one.cpuLimit),
      String(one.cpuReservation),
    ]),
    ...plan.reserves.map((one) => [
      terminal.paint('dim', `for ${one.name}`),
      '',
      formatBytes(one.memoryBytes),
      '',
      String(one.cpus),
    ]),
    [terminal.paint('dim', 'file cache'), '', formatBytes(plan.unassignedMemoryBytes), '', ''],
  ]);
}

function explain(reasons: readonly Reason[], terminal: Terminal): void {
  for (const service of new Set(reasons.map((reason) => reason.service))) {
    terminal.say();
    terminal.say(terminal.paint('strong', service));
    for (const reason of reasons.filter((one) => one.service === service)) {
      const value = reason.unit === 'bytes' ? formatBytes(Number(reason.value)) : `${reason.value}`;
      terminal.say(`  ${reason.key} = ${value}`);
      terminal.say(terminal.paint('dim', `    ${reason.why}`));
    }
  }
}
