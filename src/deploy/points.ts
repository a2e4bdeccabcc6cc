// Where an operation keeps what the appliance was before it, as long as there is a way back.

import { join } from 'node:path';
import type { DeployTools } from './tools.ts';

/** Named by the operation. */
export function pointFolder({ paths }: Pick<DeployTools, 'paths'>, point: string): string {
  return join(paths.points, point);
}

/** The stack's folder as it was. */
export function pointStack(tools: Pick<DeployTools, 'paths'>, point: string): string {
  return join(pointFolder(tools, point), 'stack');
}
