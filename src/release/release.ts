// What the rest of Onstead knows about a release: the vendor's file with defaults filled in and units parsed.

import type { Permission } from './permission.ts';
import type { Strategy } from './schema-services.ts';

export interface Migration {
  readonly up: readonly string[];
  readonly down?: readonly string[];
  readonly status?: readonly string[];
  readonly reversible: boolean;
  readonly timeoutMs: number;
}

interface ServiceBase {
  readonly name: string;
  /** As written in the file. In a bundle: pinned by digest. */
  readonly image: string;
  /** May begin connections to what lies outside the stack. */
  readonly isOutbound: boolean;
  /** The service as Compose reads it (merge keys and aliases resolved), without `x-onstead`. */
  readonly compose: Readonly<Record<string, unknown>>;
}

export interface AppService extends ServiceBase {
  readonly role: 'app';
  readonly port: number;
  readonly health: string;
  readonly ready: string;
  readonly metrics?: string;
  readonly migrate?: Migration;
  readonly strategy: Strategy;
  readonly drainMs: number;
}

export interface WorkerService extends ServiceBase {
  readonly role: 'worker';
  readonly drainMs: number;
}

export interface MysqlService extends ServiceBase {
  readonly role: 'mysql';
  readonly database: string;
  readonly user: string;
}

export interface RedisService extends ServiceBase {
  readonly role: 'redis';
}

export interface MinioService extends ServiceBase {
  readonly role: 'minio';
  readonly buckets: readonly string[];
}

export interface NginxService extends ServiceBase {
  readonly role: 'nginx';
}

export interface CarriedService extends ServiceBase {
  readonly role: 'carried';
}

export type ReleaseService =
  AppService | WorkerService | MysqlService | RedisService | MinioService | NginxService | CarriedService;

export interface ServiceSizing {
  readonly perReplica?: { readonly cpus: number; readonly memoryBytes: number };
  readonly replicas: 'auto' | number;
  readonly usersPerReplica?: number;
}

export interface SmokeCheck {
  readonly path: string;
  readonly status: number;
  readonly contains?: string;
}

export interface UpgradeRule {
  readonly from?: string;
  /** Ascending. */
  readonly stops: readonly string[];
}

/** One mistake or warning with its place in the vendor's file. Lines and columns count from 1. */
export interface Mistake {
  readonly [key: string]: unknown;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

export interface Release {
  readonly product: string;
  readonly title: string;
  readonly version: string;
  readonly notes?: string;
  readonly upgrade: UpgradeRule;
  readonly sizing: Readonly<Record<string, ServiceSizing>>;
  readonly smoke: readonly SmokeCheck[];
  readonly services: readonly ReleaseService[];
  /** Named volumes. */
  readonly volumes: readonly string[];
  /** What the services may do beyond their own containers. */
  readonly permissions: readonly Permission[];
  readonly warnings: readonly Mistake[];
}
