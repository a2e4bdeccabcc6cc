// The engine room: Docker and Compose behind one face. No other room knows either.

export { connectEngine } from './engine.ts';
export type { ConnectOptions, Engine, EngineInfo } from './engine.ts';
export { isRetryable } from './failures.ts';
export { NEWEST_API, OLDEST_API } from './api-version.ts';
export type { EngineEvent, EngineHappening, EventOptions } from './events.ts';
export type { ImageFacts, ImageSummary, Images, TransferOptions, TransferProgress } from './images.ts';
export type { ContainerFilter, Containers } from './containers.ts';
export type {
  ContainerFacts,
  ContainerHealth,
  ContainerMount,
  ContainerNetwork,
  ContainerStatus,
  ContainerSummary,
} from './container-facts.ts';
export type { ExecResult, ExecSpec } from './exec.ts';
export type { LogLine, LogOptions } from './logs.ts';
export type { ContainerUsage } from './stats.ts';
export { RUN_LABEL } from './run-once.ts';
export type { RunMount, RunSpec } from './run-once.ts';
export type { OutcomeOptions, RunOutcome } from './outcome.ts';
export type { HealthState, WaitOptions } from './wait-healthy.ts';
export type { LossReason } from './health.ts';
export type { VolumeFacts, Volumes } from './volumes.ts';
export type { NetworkFacts, Networks } from './networks.ts';
export { engineImageSource } from './image-source.ts';
export type { PullOptions, PullProgress } from './image-source.ts';
export { openCompose } from './compose.ts';
export { ComposeMemory } from './compose-memory.ts';
export type {
  ApplyOptions,
  Compose,
  ComposeContainer,
  ComposeModel,
  ComposeOptions,
  UpOptions,
} from './compose.ts';
export type { ComposeProgress } from './compose-progress.ts';
