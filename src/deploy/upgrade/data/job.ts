// One data service on its way, whichever way that is: what the plan says of it, and what it is done with.

import type { StepContext } from '../../../journal/index.ts';
import type { DeployTools } from '../../tools.ts';
import type { SeriesChange } from './series.ts';
import type { Stages } from './stages.ts';

export type DataRole = 'mysql' | 'redis' | 'minio';

export interface ReplaceData {
  readonly project: string;
  readonly service: string;
  readonly role: DataRole;
  /** For people. */
  readonly why: string;
  /** Requests wait no longer than this; the work goes on. */
  readonly limitMs: number;
  /** A new one that runs and says nothing for longer than this is taken back. */
  readonly answersWithinMs: number;
  readonly buckets: readonly string[];
  /** Who must be as ready afterwards as before. */
  readonly app: { readonly service: string; readonly port: number; readonly ready: string } | null;
  /** It goes on, as another series, with a copy of the volume with this key. */
  readonly movesTo: (SeriesChange & { readonly key: string }) | null;
}

export interface Job {
  readonly tools: DeployTools;
  readonly input: ReplaceData;
  /** While requests wait its signal says nothing: what is half done would leave people without the service. */
  readonly context: StepContext;
  /** Ends what may take long all the same; whoever hears it takes the service back. */
  readonly mayEnd: AbortSignal;
  readonly stages: Stages;
  /** On the monotonic clock: from then on requests go on, and whatever answers them may be written to. */
  readonly heldUntilMs: number;
}

/** Goes on to its end, whoever wants to stop. */
export function withoutEnd(job: Job): Job {
  return { ...job, mayEnd: never, context: { ...job.context, signal: never } };
}

/** The same, but for what may take long. */
export function whileHeld(job: Job): Job {
  return { ...job, context: { ...job.context, signal: never } };
}

const never = new AbortController().signal;
