// A scratch stack's sizes hold on every machine that carries the stack itself.

import t from 'tap';
import { MIB } from '../../../src/base/units.ts';
import { defaultDemand, planSize, scratchPlan } from '../../../src/sizing/index.ts';
import { grid } from './machines.ts';

t.test('on every machine it stays within what is set aside, and its database has a pool', async (t) => {
  let plans = 0;
  for (const machine of grid()) {
    const sized = planSize(machine, defaultDemand);
    if (!sized.ok) continue;
    plans += 1;
    const { services } = scratchPlan(sized.plan, defaultDemand);
    const aside = sized.plan.reserves.find(({ name }) => name === 'scratch')!.memoryBytes;
    const taken = services
      .filter(({ role }) => role !== 'nginx')
      .reduce((sum, { memoryLimitBytes }) => sum + memoryLimitBytes, 0);
    const pool = Number(services.find(({ role }) => role === 'mysql')!.settings['innodb_buffer_pool_size']);
    if (taken > aside || pool < 16 * MIB) t.fail(JSON.stringify({ machine, taken, aside, pool }));
  }
  t.ok(plans > 1000, `${plans} machines`);
});
