// What the routes ask of the appliance. The daemon implements it; the API knows nothing else of the rooms.

import type { JournalEvent, OperationView } from '../journal/index.ts';
import type { Strategy } from '../release/index.ts';
import type {
  AppointmentAnswer,
  LogMessage,
  PlanAnswer,
  ServiceAnswer,
  SetAsideAnswer,
  StatusAnswer,
  VersionAnswer,
} from './schemas.ts';

export interface LogQuery {
  readonly tail: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

export interface Begun {
  readonly plan: PlanAnswer;
  /** Absent where only the plan was asked for. */
  readonly operation?: string;
  /** It was under way, and is turned round. */
  readonly halts?: true;
  /** It was under way already, and goes on as it was begun. */
  readonly joins?: true;
  /** It begins later. */
  readonly planned?: AppointmentAnswer;
}

export interface BeginRequest {
  readonly path: string;
  readonly dryRun: boolean;
}

export interface UpgradeRequest extends BeginRequest {
  readonly strategy?: Strategy;
  readonly irreversible?: boolean;
  /** On the machine's clock; at once without. */
  readonly at?: string;
  /** The name that it was planned under. */
  readonly id?: string;
}

export interface RollbackRequest {
  /** A restore point's id. */
  readonly to?: string | undefined;
  readonly data: 'keep' | 'restore';
  readonly dryRun: boolean;
  /** That what was written since cannot be counted is agreed to. */
  readonly uncounted?: boolean | undefined;
}

export type OnProgress = (done: number, total: number) => void;

export interface Appliance {
  version(): VersionAnswer;
  status(): Promise<StatusAnswer>;
  services(): Promise<ServiceAnswer[]>;
  logs(service: string, query: LogQuery): AsyncIterable<LogMessage>;
  install(request: BeginRequest, onProgress: OnProgress, signal: AbortSignal): Promise<Begun>;
  upgrade(request: UpgradeRequest, onProgress: OnProgress, signal: AbortSignal): Promise<Begun>;
  rehearse(request: BeginRequest, onProgress: OnProgress, signal: AbortSignal): Promise<Begun>;
  rollback(request: RollbackRequest, signal: AbortSignal): Promise<Begun>;
  operations(): OperationView[];
  operation(id: string): OperationView;
  events(id: string, after: number): JournalEvent[];
  /** Of one that is over, when its story is told to the end; at once of any other. */
  told(id: string): Promise<void>;
  listen(listener: (event: JournalEvent) => void): () => void;
  /** What keeps an operation from going on that the journal cannot tell, for people: it has no room itself. */
  holdUp(): Promise<string | undefined>;
  /** Every text of every answer goes through this: errors and logs quote what others' programs say. */
  mask(text: string): string;
  resume(id: string): void;
  abandon(id: string): void;
  planned(): AppointmentAnswer | null;
  /** Takes what is planned for later off the list. */
  cancel(id: string): AppointmentAnswer;
  /** What a way back took out of the application and kept. */
  setAside(): Promise<SetAsideAnswer[]>;
  removeSetAside(id: string, signal: AbortSignal): Promise<SetAsideAnswer>;
}
