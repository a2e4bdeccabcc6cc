// The last look before anything changes. What fails here has touched nothing.

import { OnsteadError } from '../../base/errors.ts';
import type { Executor } from '../../journal/index.ts';
import { analyzeFacts } from '../../machine/index.ts';
import type { InstallSteps } from '../install-plan.ts';
import { machineDemand } from '../machine-demand.ts';
import type { DeployTools } from '../tools.ts';

/** The daemon that asks is itself what this check would find. */
const ASKS_OF_US = 'previous-install';

export function preflightStep(tools: DeployTools): Executor<InstallSteps['preflight']> {
  return {
    async apply(needs, context) {
      const report = analyzeFacts(await tools.machine(), machineDemand(needs));
      const failed = report.checks.filter(({ status }) => status === 'fail');
      const warned = report.checks.filter(({ id, status }) => status === 'warn' && id !== ASKS_OF_US);
      for (const { title, found } of warned) context.note(`${title}: ${found}`);
      if (failed.length === 0) return `${report.checks.length} checks, ${warned.length} warnings`;
      throw new OnsteadError(
        'preflight.failed',
        `This machine is not ready: ${failed.map(({ title, found }) => `${title} (${found})`).join('; ')}.`,
        {
          next: failed.map(({ fix }) => fix).find((fix) => fix !== null) ?? 'See `onstead preflight`.',
          details: failed.map(({ title, found, needed, fix }) => ({
            message: `${title}: found ${found}, needed ${needed}`,
            ...(fix === null ? {} : { fix }),
          })),
        },
      );
    },
  };
}
