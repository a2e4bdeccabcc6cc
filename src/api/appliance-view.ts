// What the API asks, answered from the rooms. Reading only: whatever changes the stack is an operation.

import type { Appliance, Begun } from './appliance.ts';
import { OnsteadError } from '../base/errors.ts';
import { hasRoom } from '../base/disk-full.ts';
import { programVersion } from '../base/program.ts';
import {
  type Appointments,
  listSetAside,
  prepareInstall,
  prepareRehearsal,
  prepareUpgrade,
  removeSetAside,
  type DeployTools,
  type PreparedInstall,
  type PreparedRehearsal,
  type PreparedUpgrade,
  type UpgradePreview,
} from '../deploy/index.ts';
import {
  isOver,
  type Journal,
  type NewOperation,
  type OperationView,
  type Runner,
} from '../journal/index.ts';
import type { Release } from '../release/index.ts';
import { answerOf, appointmentFor } from './schedule-upgrade.ts';
import { readMachineTime } from '../base/machine-time.ts';
import { beginRollback } from './begin-rollback.ts';
import type { PlanAnswer } from './schemas.ts';
import { readLogs, readServices } from './service-view.ts';
import { readStatus } from './status-view.ts';

export function createAppliance(tools: DeployTools, runner: Runner, appointments: Appointments): Appliance {
  const { journal, clock } = tools;
  const startedAt = clock.now().toISOString();
  // Before the first request and the first operation: what they log may hold what an engine or a program said.
  tools.log.maskWith((text) => tools.secrets.mask(text));
  return {
    version: () => ({ onstead: programVersion(), node: process.versions.node, startedAt }),
    status: () => readStatus(tools, appointments.current()),
    services: () => readServices(tools),
    logs: (service, query) => readLogs(tools, service, query),
    operations: () => journal.list(),
    operation: (id) => journal.get(id),
    events: (id, after) => journal.events(id, after),
    told: async (id) => {
      if (isOver(journal.get(id).state)) await runner.finished(id);
    },
    listen: (listener) => journal.listen(listener),
    holdUp: async () => ((await hasRoom(tools.paths.state)) ? undefined : `no room on ${tools.paths.state}`),
    mask: (text) => tools.secrets.mask(text),
    resume: (id) => runner.resumeStuck(id),
    abandon: (id) => runner.abandonStuck(id),
    async install({ path, dryRun }, onProgress, signal) {
      const prepared = await prepareInstall(tools, path, { onProgress, signal });
      return begin(tools, runner, fromBundle(tools, prepared), { dryRun, signal });
    },
    planned: () => answerOf(appointments.current()),
    cancel: (id) => answerOf(appointments.cancel(id))!, // it is what was there
    setAside: () => listSetAside(tools),
    removeSetAside: (id, signal) => removeSetAside(tools, id, signal),
    async upgrade(request, onProgress, signal) {
      const { path, dryRun, strategy, irreversible, at, id } = request;
      // Before minutes are spent on the bundle.
      const time = at === undefined ? undefined : await readMachineTime(at, clock.now(), signal);
      const chosen = strategy === undefined ? {} : { strategy };
      const prepared = await prepareUpgrade(tools, path, { onProgress, signal, ...chosen });
      const { oneWay, offers } = prepared;
      if (!dryRun && at === undefined) refuseBusy(journal, fromBundle(tools, prepared));
      if (!dryRun && !irreversible) refuseUnagreed(oneWay);
      if (!dryRun) refuseOffered(offers);
      const warnings = [...prepared.warnings, ...oneWay, ...offers.map(({ why }) => `${why}.`)];
      const asked = { ...fromBundle(tools, { ...prepared, ...(id === undefined ? {} : { id }) }), warnings };
      if (time === undefined) return begin(tools, runner, asked, { dryRun, signal });
      const plan = { ...planOf(asked), at: time };
      if (dryRun) return { plan };
      signal.throwIfAborted(); // whoever asked has left
      const appointment = appointmentFor(tools, prepared, request, time);
      appointments.make(appointment);
      return { plan, planned: answerOf(appointment)! };
    },
    async rehearse({ path, dryRun }, onProgress, signal) {
      const prepared = await prepareRehearsal(tools, path, { onProgress, signal });
      return begin(tools, runner, fromBundle(tools, prepared), { dryRun, signal });
    },
    rollback: (request, signal) => beginRollback(tools, runner, request, signal),
  };
}

function refuseUnagreed(oneWay: readonly string[]): void {
  const [first] = oneWay;
  if (first === undefined) return;
  throw new OnsteadError('release.irreversible', first, {
    next: 'If that is what you want, add --irreversible.',
  });
}

/** Before any word is asked for: another operation has to be over first. The journal refuses it all the same. */
function refuseBusy(journal: Journal, { operation, isOwn }: Prepared): void {
  if (unfinishedOf(journal, operation.kind, isOwn) === undefined) journal.refuseBusy(operation);
}

/** Another strategy than the one that a person chose needs their word. */
function refuseOffered(offers: PreparedUpgrade['offers']): void {
  const [offer] = offers;
  if (offer === undefined) return;
  throw new OnsteadError('sizing.no-room', `For ${offer.service} ${offer.why}.`, {
    next: `To replace them one by one: --strategy ${offer.strategy}. Or give the machine more memory.`,
  });
}

interface Prepared {
  readonly operation: NewOperation;
  readonly release: Pick<Release, 'product' | 'title' | 'version' | 'permissions'>;
  /** Whether an operation of the same kind with this input is the one that was asked for. */
  readonly isOwn: (input: unknown) => boolean;
  readonly warnings?: readonly string[];
  readonly preview?: UpgradePreview;
  /** Called once it stands in the journal, or did before. */
  readonly onBegun?: () => void;
}

function fromBundle(
  { bundles }: DeployTools,
  { target, ...operation }: PreparedInstall | PreparedRehearsal | PreparedUpgrade,
): Prepared {
  return {
    operation,
    ...('preview' in operation ? { preview: operation.preview } : {}),
    release: target,
    isOwn: (input) => (input as { bundle: { id: string } }).bundle.id === target.bundle.id,
    onBegun: () => bundles.remember(target.bundle),
  };
}

function planOf({ operation, release, warnings = [], preview }: Prepared): PlanAnswer {
  const { product, title, version, permissions } = release;
  const steps = operation.steps.map((step) => ({ type: step.type, title: step.title }));
  return {
    ...{ product, title, version, steps },
    ...{ permissions: [...permissions], warnings: [...warnings] },
    ...(preview === undefined ? {} : { upgrade: preview }),
  };
}

function begin(
  { journal }: DeployTools,
  runner: Runner,
  prepared: Prepared,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal },
): Begun {
  const { operation, isOwn, onBegun = () => {} } = prepared;
  const plan = planOf(prepared);
  if (dryRun) return { plan };
  signal.throwIfAborted(); // whoever asked has left
  const own = unfinishedOf(journal, operation.kind, isOwn);
  if (own !== undefined) {
    onBegun();
    if (own.state === 'stuck') runner.resumeStuck(own.id);
    return { plan, operation: own.id, joins: true };
  }
  const { id } = journal.create(operation);
  onBegun();
  runner.start(id);
  return { plan, operation: id };
}

/**
 * The same command works while its own operation is not over: it takes up one that is stuck, and tells one that waits
 * for its bundle where that is. One that is being taken back is not joined: what was asked for is not what it does.
 */
function unfinishedOf(
  journal: Journal,
  wanted: string,
  isOwn: (input: unknown) => boolean,
): OperationView | undefined {
  return journal
    .unfinished()
    .find(({ id, kind, state }) => kind === wanted && state !== 'rolling-back' && isOwn(journal.input(id)));
}
