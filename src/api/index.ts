// The API's face: the server as a value, and what it asks of the appliance.

export type { Appliance, Begun, LogQuery } from './appliance.ts';
export { createAppliance } from './appliance-view.ts';
export { beginBy } from './schedule-upgrade.ts';
export { buildServer } from './server.ts';
export type { Server } from './route.ts';
export type {
  BeginMessage,
  LogMessage,
  PlanAnswer,
  ServiceAnswer,
  StatusAnswer,
  VersionAnswer,
} from './schemas.ts';
