// The edge's identity: an authority of the appliance's own, made once, and a server certificate signed by it that
// is renewed long before it ends. Customers trust the authority once and never see a warning again.

import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { askWorker } from '../base/worker.ts';
import type { SecretStore } from './secret-store.ts';

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export type CertificateQuestion = { readonly now: string; readonly days: number } & (
  | { readonly kind: 'authority'; readonly name: string }
  | {
      readonly kind: 'server';
      readonly names: readonly string[];
      readonly addresses: readonly string[];
      readonly authority: KeyPair;
    }
);

const AUTHORITY_DAYS = 3650;
/** Browsers refuse certificates that live longer than this. */
const SERVER_DAYS = 397;
const RENEW_BEFORE_DAYS = 90;
const DAY_MS = 86_400_000;

export const certificateSecrets = {
  authority: 'edge_ca.crt',
  authorityKey: 'edge_ca.key',
  server: 'edge.crt',
  serverKey: 'edge.key',
} as const;

/** Makes what is missing, ends soon or covers other names. Returns true when the edge's certificate changed. */
export async function ensureCertificates(
  store: SecretStore,
  hosts: readonly string[],
  clock: Clock,
): Promise<boolean> {
  const now = clock.now().toISOString();
  if (!store.has(certificateSecrets.authority)) {
    const name = `Onstead appliance ${hosts[0] ?? ''}`.trim();
    const authority = await ask({ kind: 'authority', name, now, days: AUTHORITY_DAYS });
    await store.setAll({
      [certificateSecrets.authority]: authority.certificate,
      [certificateSecrets.authorityKey]: authority.key,
    });
  }
  if (hasCertificates(store, hosts, clock)) return false;
  const server = await ask({
    kind: 'server',
    names: hosts.filter((host) => isIP(host) === 0),
    addresses: hosts.filter((host) => isIP(host) !== 0),
    authority: {
      certificate: store.get(certificateSecrets.authority),
      key: store.get(certificateSecrets.authorityKey),
    },
    now,
    days: SERVER_DAYS,
  });
  await store.setAll({
    [certificateSecrets.server]: server.certificate,
    [certificateSecrets.serverKey]: server.key,
  });
  return true;
}

/** True when the edge's certificate covers these hosts and does not end soon. */
export function hasCertificates(store: SecretStore, hosts: readonly string[], clock: Clock): boolean {
  const { authority, server } = certificateSecrets;
  return store.has(authority) && store.has(server) && isFresh(store.get(server), hosts, clock);
}

export function certificateEnd(pem: string): Date {
  return new Date(new X509Certificate(pem).validTo);
}

function isFresh(pem: string, hosts: readonly string[], clock: Clock): boolean {
  const certificate = new X509Certificate(pem);
  const left = Date.parse(certificate.validTo) - clock.now().getTime();
  const covers = (host: string): boolean =>
    (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
  return left > RENEW_BEFORE_DAYS * DAY_MS && hosts.every(covers);
}

function ask(question: CertificateQuestion): Promise<KeyPair> {
  return askWorker<CertificateQuestion, KeyPair>(import.meta.url, './workers/certificate-worker', question);
}
