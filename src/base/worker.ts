// Work that needs a heavy library runs in a short-lived child, so that the daemon stays small. The question goes
// in by stdin and the answer comes back by stdout, both JSON: nothing of it shows in a process list.

import { extname } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { errorFrom, reportOf, type ErrorReport } from './errors.ts';
import { run } from './process.ts';

type Answer = { readonly value: unknown } | { readonly error: ErrorReport };

/** `.ts` in a checkout, `.js` in an installed daemon. */
const moduleExtension = extname(import.meta.filename);

/** Asks the worker module at `base` + `name` (no extension). The caller vouches for the answer's shape. */
export async function askWorker<Question, Reply>(
  base: string,
  name: string,
  question: Question,
  options: {
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
    /** Default: almost nothing, so that no secret of the daemon's environment gets into a library. */
    readonly env?: NodeJS.ProcessEnv;
    /** Asks from within the network of this process, where only its neighbours are reached. Needs root. */
    readonly networkOfPid?: number;
  } = {},
): Promise<Reply> {
  const path = fileURLToPath(new URL(`${name}${moduleExtension}`, base));
  const { networkOfPid } = options;
  const words = [process.execPath, path] as const;
  const [command, ...args] =
    networkOfPid === undefined
      ? words
      : (['nsenter', '-t', String(networkOfPid), '-n', '--', ...words] as const);
  const { stdout } = await run(command, args, {
    stdin: JSON.stringify(question),
    env: options.env ?? ownEnvironment(),
    timeoutMs: options.timeoutMs ?? 60_000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const answer = JSON.parse(stdout) as Answer;
  if ('error' in answer) throw errorFrom(answer.error);
  return answer.value as Reply;
}

/** Where Node keeps what it compiled, if it does, matters to a process that lives for a moment. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const { PATH, TZ, NODE_COMPILE_CACHE } = process.env;
  return { PATH, TZ, NODE_COMPILE_CACHE };
}

/** The whole body of a worker module: answers one question and ends. */
export async function answerOnce<Question>(work: (question: Question) => Promise<unknown>): Promise<void> {
  let answer: Answer;
  try {
    answer = { value: await work(JSON.parse(await text(process.stdin)) as Question) };
  } catch (error) {
    answer = { error: reportOf(error) };
  }
  process.stdout.write(JSON.stringify(answer));
}
