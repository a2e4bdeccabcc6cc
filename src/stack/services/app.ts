// The vendor's own code: app and worker. Nothing is assumed of it but what its release declares.

import type { AppService, WorkerService } from '../../release/index.ts';
import type { ServiceKind } from './kind.ts';

const compose = (drainMs: number) => ({
  tmpfs: ['/tmp'],
  stop_grace_period: `${Math.ceil(drainMs / 1000) + 5}s`,
});

export const appKind: ServiceKind<AppService> = {
  defaultUser: '10002:10002',
  compose: ({ service }) => compose(service.drainMs),
};

export const workerKind: ServiceKind<WorkerService> = {
  defaultUser: '10002:10002',
  compose: ({ service }) => compose(service.drainMs),
};
