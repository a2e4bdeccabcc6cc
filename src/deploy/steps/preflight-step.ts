// The last look before anything changes. What fails here has touched nothing.

import { OnsteadError } from '../../base/errors.ts';
import type { Executor } from '../../journal/index.ts';
import { analyzeFacts } from '../../machine/index.ts';
import { readFact } from '../facts.ts';
import type { InstallSteps } from '../install-plan.ts';
import { machineDemand } from '../machine-demand.ts';
import type { DeployTools } from '../tools.ts';

/** The daemon that asks is itself what this check would find. */
const ASKS_OF_US = 'previous-install';
/** Where the stack runs already this tells how busy the disk is just now, not what it can do: a warning then. */
const OF_THE_MOMENT = 'flush-latency';

export function preflightStep(tools: DeployTools): Executor<InstallSteps['preflight']> {
  return {
    async apply(needs, context) {
      const report = analyzeFacts(await tools.machine(), machineDemand(needs));
      const isInstalled = readFact(tools.journal, 'installed') !== undefined;
      const isMoment = ({ id }: { readonly id: string }): boolean => isInstalled && id === OF_THE_MOMENT;
      const isBad = ({ status }: { readonly status: string }): boolean => status === 'fail';
      const failed = report.checks.filter((one) => isBad(one) && !isMoment(one));
      const warned = report.checks.filter(
        (one) => (one.status === 'warn' && one.id !== ASKS_OF_US) || (isBad(one) && isMoment(one)),
      );
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
