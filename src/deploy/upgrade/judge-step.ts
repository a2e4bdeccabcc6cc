// A gate: the new replicas live on for a while, as they did when they were let in.

import { OnsteadError } from '../../base/errors.ts';
import type { Executor } from '../../journal/index.ts';
import type { DeployTools } from '../tools.ts';
import type { UpgradeSteps } from './plan.ts';
import { sidesOf } from './sides.ts';

export function judgeStep(tools: DeployTools): Executor<UpgradeSteps['judge']> {
  return {
    verifies: true,
    async apply({ project, service, soakMs }, { signal }) {
      const engine = await tools.engine();
      const before = await sidesOf(tools, project, service);
      await tools.clock.sleep(soakMs, signal);
      for (const { id, name } of before.fresh) {
        const facts = await engine.containers.inspect(id);
        if (facts?.status === 'running' && facts.restarts === 0) continue;
        throw new OnsteadError(
          'gate.crash-loop',
          `The replica ${name} did not live on: it is ${facts?.status ?? 'gone'}.`,
          {
            next: 'Send the output of `onstead operations show` to the vendor.',
          },
        );
      }
    },
  };
}
