// What an administrator is told when the machine was changed.

import t from 'tap';
import { Value } from 'typebox/value';
import { GIB } from '../../../src/base/units.ts';
import { ChangeSchema, defaultDemand, explainDifference } from '../../../src/sizing/index.ts';
import type { SizingDemand, SizingMachine, SizingPlan } from '../../../src/sizing/index.ts';
import { planned } from './machines.ts';

const small: SizingMachine = { cpus: 2, memoryBytes: 8 * GIB, diskBytes: 100 * GIB, rotational: false };

function sized(machine: Partial<SizingMachine>, demand: SizingDemand = defaultDemand): SizingPlan {
  return planned({ ...small, ...machine }, demand)!;
}

function values(plan: SizingPlan): Map<string, unknown> {
  return new Map(plan.reasons.map((reason) => [`${reason.service} ${reason.key}`, reason.value]));
}

t.test('the same plan has no difference', async (t) => {
  t.same(explainDifference(sized({}), sized({})), []);
});

t.test('more memory says what grows, why, and what starts anew', async (t) => {
  const [before, after] = [sized({}), sized({ memoryBytes: 16 * GIB })];
  const changes = explainDifference(before, after);
  for (const change of changes) {
    t.ok(Value.Check(ChangeSchema, change));
    t.not(change.before, change.after);
    const reason = after.reasons.find((one) => one.service === change.service && one.key === change.key)!;
    t.equal(change.why, reason.why);
  }
  const of = (key: string) => changes.find((change) => change.key === key)!;
  t.match(of('innodb_buffer_pool_size'), { service: 'mysql', apply: 'live', unit: 'bytes' });
  t.equal(of('worker_connections').apply, 'reload');
  t.match(of('GOMEMLIMIT'), { service: 'minio', apply: 'restart' });
  t.notOk(
    changes.some((change) => change.key === 'cpuLimit'),
    'no CPU changed',
  );
});

t.test('applying the changes to the old numbers gives the new ones', async (t) => {
  const [before, after] = [sized({}), sized({ cpus: 16, memoryBytes: 64 * GIB, rotational: true })];
  const result = values(before);
  for (const { service, key, after: value } of explainDifference(before, after)) {
    result.set(`${service} ${key}`, value);
  }
  t.same([...result].toSorted(), [...values(after)].toSorted());
});

t.test('a service that comes or goes is named', async (t) => {
  const without = { ...defaultDemand, parts: defaultDemand.parts.filter((part) => part.role !== 'redis') };
  const changes = explainDifference(sized({}), sized({}, without));
  const gone = changes.filter((change) => change.service === 'redis');
  t.ok(gone.length > 5);
  t.ok(gone.every((change) => change.after === null && change.apply === 'restart'));
  const back = explainDifference(sized({}, without), sized({}));
  t.ok(
    back
      .filter((change) => change.service === 'redis')
      .every((change) => change.before === null && change.apply === 'restart'),
  );
});

t.test('a budget never asks for a restart, even where a service has the same name', async (t) => {
  const demand = { ...defaultDemand, extras: [{ name: 'disk' }, { name: 'scratch' }] };
  const changes = explainDifference(sized({}, demand), sized({ diskBytes: 500 * GIB }, demand));
  const disk = changes.filter((change) => change.service === 'disk');
  t.ok(disk.length > 5);
  t.ok(disk.every((change) => change.apply === 'live'));
});
