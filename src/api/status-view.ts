// Is it well, in one sentence, and what needs a person.

import { access } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ServiceAnswer, StatusAnswer } from './schemas.ts';
import { hasRoom } from '../base/disk-full.ts';
import { isOnsteadError, OnsteadError } from '../base/errors.ts';
import { howToRestart } from '../base/own-service.ts';
import {
  diskNearLimit,
  readFact,
  type Appointment,
  type DeployTools,
  type InstalledRelease,
} from '../deploy/index.ts';
import type { Journal, OperationView } from '../journal/index.ts';
import { attentionToServices } from './service-attention.ts';
import { addressesOf, attentionToEdge, publishedBy, publishedMeant } from './edge-view.ts';
import { answerOf } from './schedule-upgrade.ts';
import { plannedServices, readStack, type StackView } from './service-view.ts';
import { certificateEnd, certificateSecrets, readSettings } from '../stack/index.ts';

/** A person waits for this answer, so an engine that hangs is soon called one that does not answer. */
const ENGINE_WITHIN_MS = 10_000;

type Trouble = NonNullable<StatusAnswer['engineTrouble']>;
type Attention = StatusAnswer['attention'];

export async function readStatus(tools: DeployTools, planned?: Appointment): Promise<StatusAnswer> {
  const { journal } = tools;
  const installed = readFact(journal, 'installed');
  const { services, edge, trouble } = await askServices(tools);
  const published = edge === undefined ? undefined : publishedBy(edge);
  const unfinished = journal.unfinished();
  const operations = unfinished.map(({ id, lane, title, state }) => ({ id, lane, title, state }));
  const ill = trouble === undefined ? services.filter(({ well, wanted }) => well < wanted) : [];
  // Without an engine nobody knows what is published; what is meant to be is the best guess.
  const addresses = addressesOf(trouble === undefined ? published : publishedMeant(tools), tools);
  const ills = [
    ...(await attentionToRoom(tools)),
    ...attentionToSecrets(tools, installed),
    ...attentionTo(trouble),
    ...attentionToServices(ill, tools.clock.now()),
    ...attentionToStuck(unfinished),
  ];
  return {
    sentence: sentenceFor(installed?.title, services, ill, unfinished, trouble),
    well: ills.length === 0,
    release: installed === undefined ? null : releaseOf(installed),
    addresses: installed === undefined ? [] : addresses,
    certificateEnds: certificateEndOf(tools),
    services,
    engineTrouble: trouble ?? null,
    operation: operations[0] ?? null,
    operations,
    planned: answerOf(planned),
    machineChange: machineChangeOf(tools),
    attention: [
      ...ills,
      ...(await attentionToPlanned(planned)),
      ...attentionToFailed(newestChange(journal)),
      ...(await attentionToSettings(tools)),
      ...attentionToLimit(tools),
      ...attentionToEdge(published, tools),
    ],
  };
}

interface Asked extends StackView {
  /** Why the engine could not be asked. */
  readonly trouble?: Trouble;
}

/** An engine that is away is part of the answer: what is installed is known without it. */
async function askServices(tools: DeployTools): Promise<Asked> {
  const answered = new AbortController();
  try {
    const late = tools.clock.sleep(ENGINE_WITHIN_MS, answered.signal).then(() => {
      throw new OnsteadError('engine.timeout', `It gave no answer within ${ENGINE_WITHIN_MS / 1000} s.`, {
        next: 'Look at it with `journalctl -u docker`, and restart it if it hangs.',
      });
    });
    return await Promise.race([readStack(tools), late]);
  } catch (error) {
    if (!isOnsteadError(error) || !error.code.startsWith('engine.')) throw error;
    const { code, message, next } = error;
    return {
      services: plannedServices(tools),
      edge: undefined,
      trouble: { code, message, ...(next === undefined ? {} : { next }) },
    };
  } finally {
    answered.abort();
  }
}

function attentionTo(trouble: Trouble | undefined): Attention {
  if (trouble === undefined) return [];
  const what = `The engine does not answer: ${trouble.message} ${trouble.next ?? ''}`.trimEnd();
  return [{ what, command: 'docker version' }];
}

async function attentionToRoom({ paths }: DeployTools): Promise<Attention> {
  if (await hasRoom(paths.state)) return [];
  return [{ what: `There is no room on ${paths.state}.`, command: `df -h ${paths.state}` }];
}

/** What the customer allows is a wish, and no illness where it is passed. */
function attentionToLimit(tools: DeployTools): Attention {
  const what = diskNearLimit(tools);
  return what === undefined ? [] : [{ what, command: `vi ${tools.paths.settings}` }];
}

/** Whatever runs goes on with what it has open; it would not come up again. */
function attentionToSecrets(
  { secrets, paths }: DeployTools,
  installed: InstalledRelease | undefined,
): Attention {
  if (installed === undefined || !secrets.isEmpty) return [];
  const { message, next = '' } = secrets.lost();
  return [{ what: `${message} ${next}`, command: `cp -a ${paths.unsealed} /root/` }];
}

function attentionToStuck(operations: readonly OperationView[]): Attention {
  return operations
    .filter(({ state }) => state === 'stuck')
    .map(({ id, title }) => ({ what: `"${title}" is stuck.`, command: `onstead operations show ${id}` }));
}

/** What only copies says nothing of how the last change went. */
function newestChange(journal: Journal): OperationView | undefined {
  const id = journal.newestId();
  return id === undefined ? undefined : journal.get(id);
}

/** Nobody may have watched: it is told until something else is done. */
function attentionToFailed(newest: OperationView | undefined): Attention {
  if (newest?.kind !== 'upgrade' || newest.state !== 'rolled-back') return [];
  if (newest.error?.code === 'operation.halted') return [];
  const what = `"${newest.title}" failed and was taken back: ${newest.error?.message ?? ''}`.trimEnd();
  return [{ what, command: `onstead operations show ${newest.id}` }];
}

/** What was planned for later and did not begin, or will not. */
async function attentionToPlanned(planned: Appointment | undefined): Promise<Attention> {
  if (planned === undefined) return [];
  const { id, title, state, error, bundle } = planned;
  const command = `onstead operations cancel ${id}`;
  if (state === 'missed' || state === 'refused') {
    return [{ what: `${error?.message ?? title} ${error?.next ?? ''}`.trimEnd(), command }];
  }
  if (await isThere(bundle.path)) return [];
  return [
    {
      what: `The bundle of "${title}" is not at ${bundle.path} any more. Put it back before it begins.`,
      command,
    },
  ];
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The daemon goes on with what it read at its start, so this is no illness yet. */
async function attentionToSettings({ paths, settings }: DeployTools): Promise<Attention> {
  try {
    if (isDeepStrictEqual(await readSettings(paths.settings), settings())) return [];
    const what = `${paths.settings} was changed; that counts once the daemon is started again.`;
    return [{ what, command: howToRestart(paths) }];
  } catch (error) {
    if (!isOnsteadError(error)) throw error;
    const mistakes = error.details.map(({ message }) => message);
    const what = ['The daemon would not start again:', error.message, ...mistakes].join(' ');
    return [{ what, command: `vi ${paths.settings}` }];
  }
}

function releaseOf({ product, title, version, installedAt }: InstalledRelease): StatusAnswer['release'] {
  return { product, title, version, installedAt };
}

function certificateEndOf({ secrets }: DeployTools): string | null {
  if (!secrets.has(certificateSecrets.server)) return null;
  return certificateEnd(secrets.get(certificateSecrets.server)).toISOString();
}

function machineChangeOf({ journal }: DeployTools): StatusAnswer['machineChange'] {
  const offered = readFact(journal, 'machineChange') ?? null;
  return offered === null ? null : { sentence: offered.sentence, changes: [...offered.changes] };
}

function sentenceFor(
  title: string | undefined,
  services: readonly ServiceAnswer[],
  ill: readonly ServiceAnswer[],
  operations: readonly OperationView[],
  trouble: Trouble | undefined,
): string {
  const stuck = operations.find(({ state }) => state === 'stuck');
  const change = operations.find(({ lane }) => lane === 'stack');
  if (stuck !== undefined) return `${stuck.title}: stuck, and a person has to look.`;
  // A copy that is being made does not hide how the stack is.
  if (change !== undefined) return `${change.title}: under way.`;
  if (title === undefined) return 'Nothing is installed yet.';
  if (trouble !== undefined) return `${title} is installed; how it is cannot be told without the engine.`;
  if (ill.length > 0) return `${title} is not well: ${ill.map(({ name }) => name).join(', ')}.`;
  return `${title} is well: ${services.length} services run.`;
}
