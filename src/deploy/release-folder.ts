// Where a release's own files are kept, so that the stack can be written again without the bundle.

import { join } from 'node:path';
import type { DeployTools } from './tools.ts';

export const keptReleaseFile = 'compose.yaml';

export function releaseFolder(tools: DeployTools, version: string): string {
  return join(tools.paths.releases, version);
}

export function keptReleasePath(tools: DeployTools, version: string): string {
  return join(releaseFolder(tools, version), keptReleaseFile);
}
