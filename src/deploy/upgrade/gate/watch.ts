// Looks at the new replicas of a service every second, through the edge's log, the engine and Onstead's own requests,
// and ends with the judge's complaint as soon as there is one. What cannot be seen is said, and is no complaint.

import { isOnsteadError, messageOf, OnsteadError } from '../../../base/errors.ts';
import type { ContainerFacts, ContainerSummary } from '../../../engine/index.ts';
import type { StepContext } from '../../../journal/index.ts';
import type { Release } from '../../../release/index.ts';
import {
  edgeNetworkOf,
  followTraffic,
  holderName,
  raiseStack,
  Tally,
  type TrafficFollower,
} from '../../../stack/index.ts';
import type { ClientSample } from '../../client-question.ts';
import { edgeOf } from '../../edge-of.ts';
import { putEdgeRight } from '../../put-edge-right.ts';
import { stackRelease } from '../../stack-files.ts';
import { containersOf, placeOf, type DeployTools } from '../../tools.ts';
import { readBaseline, type Baseline } from './baseline.ts';
import { inWords, judge, type GateView, type ReplicaLook } from './gate.ts';
import { appOf, askAsClient, notReadyInARow, tallyOf, type AskedReplica } from './own-client.ts';
import { sidesOf } from '../sides.ts';

const LOOK_EVERY_MS = 1_000;
/** Then ever more seldom: a watch of a day is told in a dozen lines. */
const FIRST_NOTE_AT_LOOK = 5;
const ASK_FOR_MS = 4_000;
const SAMPLES_KEPT = 400;
const HEALTHY_WITHIN_MS = 5 * 60_000;

export interface Watched {
  readonly project: string;
  readonly service: string;
}

/** For so long, or until `ended` says that it is enough. Returns what was seen, in a line. */
export async function watchService(
  tools: DeployTools,
  watched: Watched,
  context: StepContext,
  { forMs, ended }: { readonly forMs: number; readonly ended?: AbortSignal },
): Promise<string> {
  for (;;) {
    const watch = await Watch.begin(tools, watched, context);
    try {
      const said = await watch.until(forMs, ended);
      if (said !== undefined) return said;
    } finally {
      await watch.stop();
    }
    await recover(tools, watched, context);
  }
}

/** Does the work while the replicas are watched; a complaint breaks it off. */
export async function watchDuring<Result>(
  tools: DeployTools,
  watched: Watched,
  context: StepContext,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const ended = new AbortController();
  const broken = new AbortController();
  const working = work(AbortSignal.any([context.signal, broken.signal])).finally(() => ended.abort());
  const settled = working.catch(() => {}); // it may fail before anybody awaits it
  try {
    await watchService(tools, watched, context, { forMs: Infinity, ended: ended.signal });
  } catch (error) {
    broken.abort(error);
    await settled;
    throw error;
  }
  return working;
}

class Watch {
  readonly #tools: DeployTools;
  readonly #watched: Watched;
  readonly #context: StepContext;
  readonly #replicas: readonly ContainerSummary[];
  readonly #baseline: Baseline;
  readonly #edge: EdgeWatch | undefined;
  readonly #begun: Date;

  private constructor(
    tools: DeployTools,
    watched: Watched,
    context: StepContext,
    seen: { replicas: readonly ContainerSummary[]; baseline: Baseline; edge: EdgeWatch | undefined },
  ) {
    this.#tools = tools;
    this.#watched = watched;
    this.#context = context;
    this.#replicas = seen.replicas;
    this.#baseline = seen.baseline;
    this.#edge = seen.edge;
    this.#begun = tools.clock.now();
  }

  static async begin(tools: DeployTools, watched: Watched, context: StepContext): Promise<Watch> {
    const { project, service } = watched;
    const { fresh: replicas } = await sidesOf(tools, project, service);
    const baseline = await readBaseline(tools, context.operation);
    const release = await stackRelease(tools);
    const isBehindEdge = appOf(release)?.name === service;
    const edge = isBehindEdge
      ? await EdgeWatch.begin(tools, { project, release, replicas }, context)
      : undefined;
    return new Watch(tools, watched, context, { replicas, baseline, edge });
  }

  /** Undefined: the engine was restarted meanwhile, so that nothing can be said. */
  async until(forMs: number, ended: AbortSignal | undefined): Promise<string | undefined> {
    const { clock } = this.#tools;
    const { signal, note } = this.#context;
    const begunMs = clock.monotonicMs();
    let noteAt = FIRST_NOTE_AT_LOOK;
    for (let look = 1; ; look += 1) {
      const leftMs = begunMs + forMs - clock.monotonicMs();
      await pause(this.#tools, Math.min(LOOK_EVERY_MS, Math.max(0, leftMs)), signal, ended);
      const watchedMs = clock.monotonicMs() - begunMs;
      const isOver = watchedMs >= forMs;
      const view = { ...(await this.#look()), watchedMs, isOver };
      const complaint = judge(view);
      if (complaint?.code === 'gate.crash-loop' && (await this.#wasEngineRestarted())) return undefined;
      const said = inWords(view);
      this.#show(watchedMs, forMs, said);
      if (complaint !== undefined) throw refused(complaint.code, complaint.message);
      if (isOver || ended?.aborted) return said;
      if (look < noteAt) continue;
      note(said);
      noteAt *= 2;
    }
  }

  async stop(): Promise<void> {
    await this.#edge?.stop();
  }

  async #look(): Promise<Pick<GateView, 'people' | 'own' | 'replicas'>> {
    const { people, own } = this.#edge?.now() ?? nothingAsked();
    const samples = this.#edge?.samples ?? [];
    return {
      people: { ...people, before: this.#baseline.people },
      own: { fresh: own, before: this.#baseline.own },
      replicas: await Promise.all(this.#replicas.map((one) => lookAt(this.#tools, one, samples))),
    };
  }

  #show(watchedMs: number, forMs: number, note: string): void {
    const seconds = (ms: number): number => Math.round(ms / 1000);
    if (!Number.isFinite(forMs)) return;
    this.#context.progress({ done: seconds(watchedMs), total: seconds(forMs), unit: 'items', note });
  }

  /** Then the edge's namespace, which nothing else touches, was begun anew too. */
  async #wasEngineRestarted(): Promise<boolean> {
    const { project } = this.#watched;
    const engine = await this.#tools.engine();
    const [holder] = await containersOf(this.#tools, project, holderName);
    const facts = holder === undefined ? undefined : await engine.containers.inspect(holder.id);
    return facts?.status !== 'running' || (facts.started ?? this.#begun) > this.#begun;
  }
}

/** What clients and Onstead itself are answered, from now on. */
class EdgeWatch {
  readonly #log: TrafficFollower;
  readonly #fresh: ReadonlySet<string>;
  readonly #over = new AbortController();
  readonly #note: (text: string) => void;
  #asking: Promise<void> = Promise.resolve();
  #hasToldBlind = false;
  /** Onstead's own requests that were answered last. */
  samples: readonly ClientSample[] = [];

  private constructor(log: TrafficFollower, fresh: ReadonlySet<string>, note: (text: string) => void) {
    this.#log = log;
    this.#fresh = fresh;
    this.#note = note;
  }

  static async begin(
    tools: DeployTools,
    about: { project: string; release: Release; replicas: readonly ContainerSummary[] },
    { signal, note }: StepContext,
  ): Promise<EdgeWatch> {
    const { project, release } = about;
    const replicas = await addressesOf(tools, project, about.replicas);
    const port = appOf(release)?.port ?? 80;
    const fresh = new Set(replicas.map(({ address }) => `${address}:${port}`));
    // What they answered before this watch counts too; before the newest began, its address was somebody else's.
    const since = new Date(Math.max(0, ...about.replicas.map(({ created }) => created.getTime())));
    const watch = new EdgeWatch(followTraffic(await edgeOf(tools), since), fresh, note);
    // Only the journal can fail in there, and then the step itself does too.
    watch.#asking = watch.#askOn(tools, { project, release, replicas }, signal).catch(() => {});
    return watch;
  }

  now(): { readonly people: { readonly fresh: Tally; readonly stale: Tally }; readonly own: Tally } {
    if (this.#log.failure !== undefined && !this.#hasToldBlind) {
      this.#hasToldBlind = true;
      const why = messageOf(this.#log.failure);
      this.#note(`The edge's log cannot be read, so only Onstead's own requests are judged: ${why}`);
    }
    const traffic = this.#log.now();
    return {
      people: {
        fresh: traffic.tally((replica) => this.#fresh.has(replica)),
        stale: traffic.tally((replica) => replica !== '' && !this.#fresh.has(replica)),
      },
      own: tallyOf(this.samples),
    };
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#log.stop();
    await this.#asking;
  }

  async #askOn(
    tools: DeployTools,
    asked: { project: string; release: Release; replicas: readonly AskedReplica[] },
    signal: AbortSignal,
  ): Promise<void> {
    const either = AbortSignal.any([signal, this.#over.signal]);
    while (!either.aborted) {
      try {
        const answers = await askAsClient(tools, asked, ASK_FOR_MS, either);
        this.samples = [...this.samples, ...answers].slice(-SAMPLES_KEPT);
      } catch (error) {
        if (either.aborted) return;
        this.#note(`Onstead's own requests could not be made: ${messageOf(error)}`);
        await tools.clock.sleep(ASK_FOR_MS, either).catch(() => {});
      }
    }
  }
}

function nothingAsked() {
  return { people: { fresh: new Tally(), stale: new Tally() }, own: new Tally() };
}

async function addressesOf(
  tools: DeployTools,
  project: string,
  replicas: readonly ContainerSummary[],
): Promise<AskedReplica[]> {
  const network = edgeNetworkOf(project);
  const found = await Promise.all(
    replicas.map(async ({ id, name }) => {
      // One that has just ended has no address; the next look tells of its end.
      const place = await placeOf(tools, id, network).catch((error: unknown) => {
        if (isOnsteadError(error, 'stack.no-address')) return undefined;
        throw error;
      });
      return place === undefined ? [] : [{ name, address: place.address }];
    }),
  );
  return found.flat();
}

async function lookAt(
  tools: DeployTools,
  { id, name }: ContainerSummary,
  samples: readonly ClientSample[],
): Promise<ReplicaLook> {
  const facts: ContainerFacts | undefined = await (await tools.engine()).containers.inspect(id);
  return {
    name,
    status: facts?.status,
    restarts: facts?.restarts ?? 0,
    isUnhealthy: facts?.health === 'unhealthy',
    notReady: notReadyInARow(samples, name),
  };
}

async function pause(
  { clock }: DeployTools,
  ms: number,
  signal: AbortSignal,
  ended: AbortSignal | undefined,
): Promise<void> {
  const either = ended === undefined ? signal : AbortSignal.any([signal, ended]);
  await clock.sleep(ms, either).catch(() => signal.throwIfAborted());
}

/** What an engine that is back left down is started as it was. */
async function recover(
  tools: DeployTools,
  { project, service }: Watched,
  { signal, note }: StepContext,
): Promise<void> {
  note('The engine was restarted; what was seen before does not count.');
  await raiseStack(await tools.compose(), { isWhole: false, signal });
  await putEdgeRight(tools);
  const { fresh } = await sidesOf(tools, project, service);
  const ids = fresh.map(({ id }) => id);
  await (await tools.engine()).containers.waitHealthy(ids, { timeoutMs: HEALTHY_WITHIN_MS, signal });
}

function refused(code: `gate.${string}`, message: string): OnsteadError {
  return new OnsteadError(code, message, {
    next: 'Everything is taken back. Send the output of `onstead operations show` to the vendor.',
  });
}
