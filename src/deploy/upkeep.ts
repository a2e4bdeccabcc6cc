// What the daemon looks after by itself, day by day, without an operation: certificates before they end, a machine that
// was given more memory or processors, the disk that is taken, and versions of objects that nobody needs any more.

import { sizingMachineFrom } from '../machine/index.ts';
import {
  cappedMachine,
  certificateSecrets,
  ensureCertificates,
  lockStack,
  hostsOf,
  isUnsealed,
  openedServices,
  sizingDemandFrom,
  unsealInto,
} from '../stack/index.ts';
import { clearOldMark } from './bring-up.ts';
import { noticeDiskUse } from './disk-use.ts';
import { readFact, writeFact, type MachineChange } from './facts.ts';
import { offerFor } from './machine-change.ts';
import { clearVersions } from './object-versions.ts';
import { heldData } from './holders.ts';
import { reloadEdge } from './reload-edge.ts';
import { stackRelease } from './stack-files.ts';
import type { DeployTools } from './tools.ts';

const EVENTS_KEPT_DAYS = 400;
const DAY_MS = 86_400_000;
const QUIET_MS = 10 * 60_000;

/** Once at the start and once a night. */
export async function lookAfter(tools: DeployTools, signal: AbortSignal): Promise<void> {
  const { journal, clock, log, paths } = tools;
  const forgotten = journal.forgetEventsBefore(new Date(clock.now().getTime() - EVENTS_KEPT_DAYS * DAY_MS));
  if (forgotten > 0) log.info({ forgotten }, 'old events dropped');
  const renew = async (): Promise<boolean> => {
    await clearOldMark(tools);
    return renewCertificate(tools);
  };
  try {
    if (await lockStack(paths, renew, { signal })) log.info('the certificate was renewed');
  } finally {
    // Looking takes a while of a processor; an operation that a start goes on with comes first.
    if (!signal.aborted) await noticeMachineChange(tools);
  }
  await lookAtFiles(tools, signal);
}

/** What goes through many files has time until a start and what it goes on with are over. */
async function lookAtFiles(tools: DeployTools, signal: AbortSignal): Promise<void> {
  await tools.clock.sleep(QUIET_MS, signal).catch(() => {});
  if (!signal.aborted) await noticeDiskUse(tools, signal);
  if (!signal.aborted) await clearVersions(tools, (service) => cutsOf(tools, service), signal);
}

/** Renews the edge's certificate when it is due and lets nginx take it up without dropping a connection. */
export async function renewCertificate(tools: DeployTools): Promise<boolean> {
  if (readFact(tools.journal, 'installed') === undefined) return false;
  // An authority of its own came with the installation; another one would be trusted by nobody, and hide the loss.
  const { authority, authorityKey } = certificateSecrets;
  const lost = [authority, authorityKey].filter((name) => !tools.secrets.has(name));
  if (lost.length > 0) throw tools.secrets.lost(lost);
  const hosts = hostsOf((await tools.machine()).os?.hostname, tools.settings());
  await ensureCertificates(tools.secrets, hosts, tools.clock);
  // What is opened decides, not what was signed just now: a crash in between must not lose the renewal.
  const opened = openedServices(await stackRelease(tools), tools.secrets);
  if (await isUnsealed(tools.paths.unsealed, opened)) return false;
  await unsealInto(tools.paths.unsealed, opened);
  await reloadEdge(tools);
  return true;
}

async function cutsOf(tools: DeployTools, service: string): Promise<readonly { readonly cutMs: number }[]> {
  const { project } = readFact(tools.journal, 'installed')!; // only then there is a store
  return (await heldData(tools, project)).cuts.filter((cut) => cut.service === service);
}

/** Looks whether the machine changed and keeps the answer for whoever asks how it is. */
export async function noticeMachineChange(tools: DeployTools): Promise<void> {
  writeFact(tools.journal, 'machineChange', (await findMachineChange(tools)) ?? null);
}

/** What another division would give since CPUs or memory changed; undefined where nothing is to be offered. */
async function findMachineChange(tools: DeployTools): Promise<MachineChange | undefined> {
  const plan = readFact(tools.journal, 'sizing');
  if (plan === undefined || readFact(tools.journal, 'installed') === undefined) return undefined;
  const now = cappedMachine(sizingMachineFrom(await tools.machine()), tools.settings().limits);
  return offerFor(plan, now, sizingDemandFrom(await stackRelease(tools)));
}
