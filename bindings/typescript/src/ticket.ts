// Messages that were accepted for sending, and their outcomes.

import type { SendOutcome } from "./events.js";

/**
 * A message that was accepted for sending. `await ticket` and `await ticket.outcome` wait for its outcome, which is
 * known at the message's deadline at the latest. A ticket may be dropped: the event `ended` reports the outcome too.
 */
export class Ticket implements PromiseLike<SendOutcome> {
  /** The `ticket` of the event `ended`. The tickets of a client count up. */
  readonly number: number;
  /** What edits and deletions refer to. */
  readonly messageId: string;
  /** The outcome. The promise is never rejected. */
  readonly outcome: Promise<SendOutcome>;

  /** Tickets are made by `send`. */
  constructor(number: number, messageId: string, outcome: Promise<SendOutcome>) {
    this.number = number;
    this.messageId = messageId;
    this.outcome = outcome;
  }

  /** Makes `await ticket` return the outcome. */
  then<A = SendOutcome, B = never>(
    fulfilled?: ((outcome: SendOutcome) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.outcome.then(fulfilled, rejected);
  }
}
