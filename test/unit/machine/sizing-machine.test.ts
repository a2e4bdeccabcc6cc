import t from 'tap';
import { GIB } from '../../../src/base/units.ts';
import type { MachineFacts } from '../../../src/machine/facts.ts';
import { sizingMachineFrom } from '../../../src/machine/sizing-machine.ts';
import { healthyFacts } from './fixtures/healthy.ts';

t.test('sizing gets what containers may use, and the disk that holds their data', async (t) => {
  const facts = healthyFacts();
  facts.cpu.cpus = 1.5;
  facts.memory.usableBytes = 3 * GIB;
  Object.assign(
    facts.disks.folders.find((one) => one.role === 'engine')!,
    { freeBytes: 7 * GIB },
  );
  const machine = sizingMachineFrom(facts as MachineFacts, GIB);
  t.strictSame(machine, {
    cpus: 1.5,
    memoryBytes: 3 * GIB,
    diskBytes: 8 * GIB,
    rotational: false,
    fsyncMs: 0.4,
  });
});

t.test('a disk that calls itself spinning is believed only if it is slow', async (t) => {
  const facts = healthyFacts();
  const disk = facts.disks.folders.find((one) => one.role === 'engine')!;
  disk.rotational = true;
  t.equal(sizingMachineFrom(facts as MachineFacts).rotational, null);
  disk.flush!.medianMs = 8;
  t.equal(sizingMachineFrom(facts as MachineFacts).rotational, true);
  disk.flush = null;
  t.equal(sizingMachineFrom(facts as MachineFacts).rotational, true);
});

t.test('what is not known is not made up', async (t) => {
  const { cpu: _cpu, ...rest } = healthyFacts();
  const facts = { ...rest, missing: { cpu: 'it took too long' } } as MachineFacts;
  t.throws(() => sizingMachineFrom(facts), {
    code: 'machine.unknown',
    message: /processors.*it took too long/,
  });
});
