// Every verb, in the order in which the overview shows them.

import type { Verb } from '../verb.ts';
import { bootVerb } from './boot.ts';
import { bundleVerb } from './bundle.ts';
import { certificateVerb } from './certificate.ts';
import { fingerprintVerb } from './fingerprint.ts';
import { installVerb } from './install.ts';
import { logsVerb } from './logs.ts';
import { operationsVerb } from './operations.ts';
import { preflightVerb } from './preflight.ts';
import { rehearseVerb } from './rehearse.ts';
import { rollbackVerb } from './rollback.ts';
import { setAsideVerb } from './set-aside.ts';
import { serveVerb } from './serve.ts';
import { sizeVerb } from './size.ts';
import { servicesVerb, statusVerb } from './status.ts';
import { uninstallVerb } from './uninstall.ts';
import { upgradeVerb } from './upgrade.ts';
import { versionVerb } from './version.ts';

export const verbs: readonly Verb[] = [
  installVerb,
  rehearseVerb,
  upgradeVerb,
  rollbackVerb,
  statusVerb,
  servicesVerb,
  logsVerb,
  operationsVerb,
  setAsideVerb,
  preflightVerb,
  sizeVerb,
  certificateVerb,
  fingerprintVerb,
  bundleVerb,
  uninstallVerb,
  bootVerb,
  serveVerb,
  versionVerb,
];
