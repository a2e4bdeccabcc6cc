// The last look before anything changes. What fails here has touched nothing.

import { OnsteadError } from '../../base/errors.ts';
import type { Executor } from '../../journal/index.ts';
import { analyzeFacts } from '../../machine/index.ts';
import { readFact } from '../facts.ts';
import type { InstallSteps } from '../install-plan.ts';
import { machineDemand } from '../machine-demand.ts';
import { verdictOf, type MachineVerdict } from '../machine-verdict.ts';
import type { DeployTools } from '../tools.ts';

export function preflightStep(tools: DeployTools): Executor<InstallSteps['preflight']> {
  return {
    async apply(needs, context) {
      const report = analyzeFacts(await tools.machine(), machineDemand(needs));
      const isInstalled = readFact(tools.journal, 'installed') !== undefined;
      const verdict = verdictOf(report, isInstalled, needs.isBack);
      for (const { title, found } of verdict.warned) context.note(`${title}: ${found}`);
      if (verdict.failed.length > 0) throw notReady(verdict);
      return `${verdict.count} checks, ${verdict.warned.length} warnings`;
    },
  };
}

function notReady({ failed }: MachineVerdict): OnsteadError {
  return new OnsteadError(
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
}
