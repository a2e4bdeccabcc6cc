// What the customer chose: `/etc/onstead/onstead.yaml`, the only file that people edit.

import { readTextIfAny } from '../base/files.ts';
import { GIB } from '../base/units.ts';
import { parse } from 'yaml';
import type { MachineCaps } from './machine-size.ts';

export interface Settings {
  readonly edge: {
    /** The address to listen on; 0.0.0.0 is every IPv4 address of the machine. */
    readonly address: string;
    readonly httpPort: number;
    readonly httpsPort: number;
    /** Names and addresses that the certificate covers beside the machine's own. */
    readonly names: readonly string[];
    readonly maxBodyBytes: number;
  };
  /** The Compose project; the product's name unless chosen. */
  readonly project?: string;
  /** The most of the machine that Onstead may use. */
  readonly limits: MachineCaps;
}

export async function readSettings(path: string): Promise<Settings> {
  const given = (parse((await readTextIfAny(path)) ?? '') ?? {}) as Partial<Settings>;
  return {
    ...given,
    edge: { address: '0.0.0.0', httpPort: 80, httpsPort: 443, names: [], maxBodyBytes: GIB, ...given.edge },
    limits: given.limits ?? {},
  };
}
