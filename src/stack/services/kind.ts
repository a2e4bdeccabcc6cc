// What each kind of service answers about itself. Another database or object store is one more file beside this
// one and one more row in the table of index.ts.

import type { Release, ReleaseService } from '../../release/index.ts';
import type { ServiceSize } from '../../sizing/index.ts';
import type { Settings } from '../settings.ts';

/** A service entry of a Compose file, as far as Onstead writes it. */
export type ComposeService = Record<string, unknown>;

export interface ServiceContext<Service extends ReleaseService = ReleaseService> {
  readonly service: Service;
  readonly release: Release;
  /** What sizing gave it. */
  readonly size: ServiceSize;
  readonly settings: Settings;
  /** Mount this folder to reach the files that `config` wrote. */
  readonly configFolder: string;
}

export type SecretReader = (name: string) => string;

export interface ServiceKind<Service extends ReleaseService = ReleaseService> {
  /** What this kind adds to the hardened entry that every service of a known role gets. */
  compose(context: ServiceContext<Service>): ComposeService;
  /** Files of the service's configuration folder: name → text. No secret may stand in one. */
  config?(context: ServiceContext<Service>): Record<string, string>;
  /** Secrets this service needs beside those its Compose entry lists. */
  readonly secretNames?: readonly string[];
  /** Files made from secrets, in the form the service's program reads them: name → text. */
  secretFiles?(read: SecretReader): Record<string, string>;
  /** Who owns the service's files where the vendor names nobody. */
  readonly defaultUser: string;
  /** The folder inside the container where the service's data volume is mounted, if it keeps data. */
  readonly dataFolder?: string;
}
