// Makes X.509 certificates: the appliance's own authority, and the edge's certificate signed by it.

import 'reflect-metadata'; // the certificate library's parts find each other through it
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { answerOnce } from '../../base/worker.ts';
import type { CertificateQuestion, KeyPair } from '../certificates.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** Clocks in a network disagree; a certificate that is valid from this very second is refused by some. */
const BACKDATE_MS = 3_600_000;

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

async function makeCertificate(question: CertificateQuestion): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const nowMs = Date.parse(question.now);
  const common = {
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(16))).toString('hex'),
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + question.days * DAY_MS),
    signingAlgorithm: ALGORITHM,
  };
  const certificate =
    question.kind === 'authority'
      ? await x509.X509CertificateGenerator.createSelfSigned({
          ...common,
          name: commonName(question.name),
          keys: keys as never,
          extensions: [
            new x509.BasicConstraintsExtension(true, 0, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
            await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
          ],
        })
      : await signServer(question, keys, common);
  return { certificate: certificate.toString('pem'), key: await pemOf(keys.privateKey) };
}

async function signServer(
  question: Extract<CertificateQuestion, { kind: 'server' }>,
  keys: webcrypto.CryptoKeyPair,
  common: object,
): Promise<x509.X509Certificate> {
  const authority = new x509.X509Certificate(question.authority.certificate);
  const body = x509.PemConverter.decodeFirst(question.authority.key);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', body, ALGORITHM, false, ['sign']);
  return x509.X509CertificateGenerator.create({
    ...common,
    subject: commonName(question.names[0] ?? 'localhost'),
    issuer: authority.subject,
    publicKey: keys.publicKey as never,
    signingKey: signingKey as never,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']),
      new x509.SubjectAlternativeNameExtension([
        ...question.names.map((value) => ({ type: 'dns', value }) as const),
        ...question.addresses.map((value) => ({ type: 'ip', value }) as const),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  } as x509.X509CertificateCreateParams);
}

/** X.509 allows 64 characters here; clients read the names from the extension, where longer ones fit. */
function commonName(name: string): string {
  return `CN=${name.slice(0, 64)}`;
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

await answerOnce(makeCertificate);
