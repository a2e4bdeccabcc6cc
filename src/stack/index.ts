// The stack's face: its folder of plain Compose files, its secrets, and the services' own administration.

export { certificateEnd, certificateSecrets, ensureCertificates, hasCertificates } from './certificates.ts';
export { ensureLogin, mayLogIn, runSql } from './database.ts';
export {
  composeFile,
  findDrift,
  changedFiles,
  keepStack,
  readStack,
  releaseOf,
  renderStack,
  restoreStack,
  servicesOf,
  stackComposeFiles,
  writeStack,
  type StackFiles,
} from './folder.ts';
export { ensureBuckets, probeBuckets, type ObjectStoreAccess } from './object-store.ts';
export { putObjects, takeObjects, type CarriedObjects } from './carry-objects.ts';
export { edgeNetworkOf, type StackInput } from './override.ts';
export { secretsLost, storeFile } from './lost-secrets.ts';
export { generateSecret, SecretStore } from './secret-store.ts';
export { kindOf, userOf } from './services/index.ts';
export { objectStorePort } from './services/minio.ts';
export { edgeAppOf, edgePatienceSeconds, holderName } from './services/nginx.ts';
export { drainEdge, namedServers, reloadEdge, settleEdge, steerEdge, type Edge } from './edge/steer.ts';
export { holdRequests, type HoldOptions as RequestHoldOptions, type HoldSeen } from './edge/hold.ts';
export { rejoinEdge } from './edge/rejoin.ts';
export { replaceEdge, type EdgeReplacement } from './edge/replace.ts';
export { isUpstreams, type EdgeServer } from './edge/upstreams.ts';
export { countAnswers, type Answers } from './traffic/answers.ts';
export { followTraffic, readTraffic, type EdgeLog, type TrafficFollower } from './traffic/read.ts';
export { Tally, Traffic, type TallyCounts } from './traffic/traffic.ts';
export { imageNameFor, imagesOf } from './image-name.ts';
export { hostsOf } from './hosts.ts';
export { readSettings, type Settings } from './settings.ts';
export {
  isUnsealed,
  openedServices,
  secretNamesOf,
  unsealInto,
  withoutFolder,
  type OpenedService,
} from './unseal.ts';
export { cappedMachine, sizingDemandFrom } from './machine-size.ts';
export { raiseStack, readStackRelease, reopenSecrets } from './boot.ts';
export { isWhole, lockData, lockStack, markChanging, markWhole, type LockOptions } from './lock.ts';
export { keepStackUp, type KeepUpOptions } from './keep-up.ts';
export { findStackParts, removeStackParts, type StackParts } from './remove.ts';
export {
  isForeignVolume,
  isOurVolume,
  makeVolume,
  removeVolumeMadeBy,
  volumeLabels,
  type VolumeSpec,
} from './volumes.ts';
export { pointsVolumeKey, pointsVolumePin, type CopyName } from './points/place.ts';
export {
  copyDatabase,
  measureDatabaseCopy,
  pointsWithCopies,
  readCopy,
  removeCopy,
  removePointCopies,
  type CopyRoom,
  type CopyTask,
  type DatabaseCopy,
} from './points/database-copy.ts';
export { heldByAll, type DataHolder, type HeldData } from './points/holders.ts';
export { endClones } from './points/running-clones.ts';
export {
  measureRestore,
  refuseTooLittle,
  restoreDatabase,
  restoredFrom,
  restoredVolumeOf,
  volumesOfKey,
  type RestoreTask,
} from './points/database-restore.ts';
export { countRowChanges, type DatabaseChanges, type TableChanges } from './points/row-changes.ts';
export { applySinceCopy, executedIn, keepSinceCopy, type SinceTask } from './points/since-copy.ts';
export {
  countObjectChanges,
  cutObjects,
  exportObjects,
  restoreObjects,
  sweepObjects,
  versionedBuckets,
  type ObjectCut,
  type SweepPlace,
  type Swept,
} from './points/objects.ts';
export type { ObjectChanges } from './points/version-rules.ts';
export { refuseOtherData, sampleDatabase, type DatabaseSample } from './points/table-sample.ts';
export { withVolumes } from './points/named-volumes.ts';
export { endWriting, proveState, readState, type DatabaseState } from './data/transactions.ts';
export { dropIdleConnections } from './data/idle-connections.ts';
export { mayAnswer } from './data/listening.ts';
export { redisAnswer, proveRedis, readRedis, saveRedis, type RedisState } from './data/redis-data.ts';
export { isStoreThere, proveObjects, sampleObjects, type SampledObject } from './data/object-sample.ts';
export {
  copyVolume,
  endLineOfTransactions,
  keepVolumeFiles,
  measureVolume,
  putVolumeFilesBack,
  requireRoomForCopy,
  volumeNameOfMount,
} from './data/folder-copy.ts';
export {
  removeScratch,
  scratchKinds,
  scratchPlaceOf,
  scratchProjectOf,
  sealedRelease,
  type ScratchKind,
} from './scratch.ts';
