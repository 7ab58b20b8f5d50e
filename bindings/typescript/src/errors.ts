/** The kind of a {@link CallieError}; each has a class of its own. */
export type ErrorKind =
  "INVALID_ARGUMENT" | "UNREACHABLE" | "TIMED_OUT" | "REFUSED" | "BAD_ANSWER" | "QUEUE_FULL" | "CLOSED" | "INTERNAL";

/** Any error of this package. */
export class CallieError extends Error {
  /** Stable, for programs. Of {@link Refused}, the server's code. */
  readonly code: string;
  /** For people. */
  readonly reason: string;

  constructor(code: string, reason: string, options?: ErrorOptions) {
    super(`${reason} (${code})`, options);
    this.code = code;
    this.reason = reason;
  }
}

/** An argument is malformed or too large, or the client was not started. Nothing was sent. */
export class InvalidArgument extends CallieError {
  override readonly name: string = "InvalidArgument";
}

/** The server cannot be reached, or the connection broke during the request. */
export class Unreachable extends CallieError {
  override readonly name: string = "Unreachable";
}

/** The server did not answer in time. It may or may not have carried out the request. */
export class TimedOut extends CallieError {
  override readonly name: string = "TimedOut";
}

/** The server refused the request. */
export class Refused extends CallieError {
  override readonly name: string = "Refused";
}

/** The server's answer violates the protocol, or was lost. */
export class BadAnswer extends CallieError {
  override readonly name: string = "BadAnswer";
}

/** Too many payloads have no outcome yet, or too many events wait to be taken. */
export class QueueFull extends CallieError {
  override readonly name: string = "QueueFull";
}

/** The client has ended. Create a new one. */
export class ClosedError extends CallieError {
  override readonly name: string = "ClosedError";
}

/** A fault of this library or of the platform. */
export class Internal extends CallieError {
  override readonly name: string = "Internal";
}

const CLASSES: Record<ErrorKind, new (code: string, reason: string) => CallieError> = {
  INVALID_ARGUMENT: InvalidArgument,
  UNREACHABLE: Unreachable,
  TIMED_OUT: TimedOut,
  REFUSED: Refused,
  BAD_ANSWER: BadAnswer,
  QUEUE_FULL: QueueFull,
  CLOSED: ClosedError,
  INTERNAL: Internal,
};

/** An error as the module writes it. */
export interface WrittenError {
  kind: ErrorKind;
  code: string;
  reason: string;
}

export function thrown({ kind, code, reason }: WrittenError): CallieError {
  return new CLASSES[kind](code, reason);
}

export function invalid(reason: string, cause?: unknown): InvalidArgument {
  return new InvalidArgument("INVALID_ARGUMENT", reason, cause === undefined ? undefined : { cause });
}

export function badAnswer(reason: string): BadAnswer {
  return new BadAnswer("BAD_ANSWER", `the server's answer is not the protocol: ${reason}`);
}

export function timedOut(reason: string): TimedOut {
  return new TimedOut("TIMED_OUT", reason);
}

export function unreachable(reason: string, cause?: unknown): Unreachable {
  return new Unreachable("UNREACHABLE", reason, cause === undefined ? undefined : { cause });
}

export function internal(reason: string, cause?: unknown): Internal {
  return new Internal("INTERNAL", reason, cause === undefined ? undefined : { cause });
}

/** The text of anything that was thrown. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
