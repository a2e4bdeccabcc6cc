// When a cron expression comes round next, once.

import { createTask } from 'node-cron';
import { answerOnce } from '../worker.ts';

await answerOnce(async ({ expression }: { readonly expression: string }) => {
  const [next] = createTask(expression, () => {}).getNextRuns(1);
  return next?.toISOString() ?? null;
});
