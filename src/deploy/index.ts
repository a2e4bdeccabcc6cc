// The face of deploy: what changes the stack.

export { appointmentStates, type Appointment } from './appointment.ts';
export { Appointments, type BeginAppointment } from './appointments.ts';
export { bringUp, carryInLane } from './bring-up.ts';
export { BundleShelf, isBundleAway } from './bundle-shelf.ts';
export { diskNearLimit } from './disk-use.ts';
export { readFact, type InstalledRelease } from './facts.ts';
export { prepareInstall, type PreparedInstall } from './install.ts';
export { installExecutors } from './install-steps.ts';
export { tellPeople } from './people.ts';
export { listSetAside, removeSetAside } from './set-aside.ts';
export { SetAside } from './set-aside-schema.ts';
export { stackRelease } from './stack-files.ts';
export { containersOf, type DeployTools } from './tools.ts';
export { lookAfter } from './upkeep.ts';
export { prepareUpgrade, type PreparedUpgrade } from './upgrade/prepare.ts';
export { RollbackPreview } from './upgrade/preview/rollback-schema.ts';
export { UpgradePreview } from './upgrade/preview/schema.ts';
export type { PointLoss } from './point-loss.ts';
export { lossInWords } from './loss-words.ts';
export { prepareRollback, type PreparedRollback } from './upgrade/prepare-rollback.ts';
export { upgradeExecutors } from './upgrade/steps.ts';
export { prepareRehearsal, type PreparedRehearsal } from './rehearsal/prepare.ts';
export { rehearsalExecutors } from './rehearsal/steps.ts';
