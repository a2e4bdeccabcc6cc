// One error shape for the whole product: what failed, on what, and the customer's next action.
// Callers compare `code`, never the text. Adapters translate a vendor's error once, at the border.

export interface ErrorDetail {
  readonly message: string;
  readonly [key: string]: unknown;
}

export interface ErrorOptions {
  /** The customer's next action, a full sentence. */
  readonly next?: string;
  /** Several findings at once (one line each), for example every mistake in a release file. */
  readonly details?: readonly ErrorDetail[];
  readonly cause?: unknown;
}

/** Dotted and stable: `room.what`, for example `bundle.truncated`. The first word chooses the exit code. */
export type ErrorCode = `${string}.${string}`;

export class OnsteadError extends Error {
  readonly code: ErrorCode;
  readonly next: string | undefined;
  readonly details: readonly ErrorDetail[];

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'OnsteadError';
    this.code = code;
    this.next = options.next;
    this.details = options.details ?? [];
  }
}

export function isOnsteadError(error: unknown, code?: ErrorCode): error is OnsteadError {
  return error instanceof OnsteadError && (code === undefined || error.code === code);
}

/** The sentence a person sees for any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of a Node system error (`ENOENT`, `EADDRINUSE`, …), if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (error === null || typeof error !== 'object' || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The shape an error has when it crosses the API or stands in the journal. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly next?: string;
  readonly details?: readonly ErrorDetail[];
}

export function reportOf(error: unknown): ErrorReport {
  if (!isOnsteadError(error)) return { code: 'internal.unexpected', message: messageOf(error) };
  return {
    code: error.code,
    message: error.message,
    ...(error.next === undefined ? {} : { next: error.next }),
    ...(error.details.length === 0 ? {} : { details: error.details }),
  };
}

export function errorFrom(report: ErrorReport): OnsteadError {
  return new OnsteadError(report.code as ErrorCode, report.message, {
    ...(report.next === undefined ? {} : { next: report.next }),
    ...(report.details === undefined ? {} : { details: report.details }),
  });
}
