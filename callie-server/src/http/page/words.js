// The texts of the page about errors and outcomes.

import { AccountCode, Code } from "./protocol.js";
import { LinkLost } from "./connection.js";

const CALLS = {
  [AccountCode.taken]: "This username is taken. Choose another one.",
  [AccountCode.badName]: "A username has 2 to 32 of the characters a–z, 0–9, “.”, “_” and “-”, and begins with a letter or a digit. Some names are reserved.",
  [AccountCode.weak]: "The password needs at least 8 characters.",
  [AccountCode.closed]: "Registration is closed on this server.",
  [AccountCode.wrong]: "The username or the password is wrong.",
  [AccountCode.banned]: "This account is banned from this server.",
  [AccountCode.unavailable]: "The server cannot do this now. Try again in a moment.",
};

const REFUSALS = {
  [Code.userNotFound]: "There is no user with this username.",
  [Code.groupNotFound]: "There is no such group, or it is private.",
  [Code.notAMember]: "You are not a member of this group.",
  [Code.forbidden]: "You may not do this.",
  [Code.limitReached]: "This exceeds a limit of the server.",
  [Code.rateLimited]: "Too many requests. Wait a moment.",
  [Code.internal]: "The server had an internal error. Try again in a moment.",
};

const FAILURES = {
  [Code.unknownRecipient]: "This user or group does not exist any more.",
  [Code.notAMember]: "You are not a member of this group.",
  [Code.forbidden]: "This user does not accept messages from you.",
  [Code.tooLarge]: "This message is too large for the server.",
  [Code.invalidField]: "The server refused this message: it is too long, or an attachment is invalid.",
  [Code.rateLimited]: "You are sending too fast. Wait a moment.",
  [Code.internal]: "The server had an internal error and did not send this.",
};

const ENDINGS = {
  [Code.sessionExpired]: "Your session has expired. Log in again.",
  [Code.sessionRevoked]: "Your session was ended. Log in again.",
  [Code.authFailed]: "Your session has ended. Log in again.",
  [Code.authTimeout]: "The page did not log in to the server in time. Log in again.",
  [Code.kicked]: "An admin closed your connection.",
  [Code.banned]: "An admin banned you from this server.",
  [Code.tooManyInvalid]: "This page sent invalid data to the server. Reload it.",
};

/** Returns why a call about an account failed. */
export function ofCall(error) {
  if (error.code === "") return "The server cannot be reached. Check your connection and try again.";
  if (error.code === AccountCode.rateLimited) {
    return error.retryAfter ? `Too many attempts. Try again in ${seconds(error.retryAfter)}.` : "Too many attempts. Wait a moment.";
  }
  return CALLS[error.code] ?? sentence(error.message);
}

/** Returns why a command failed. */
export function ofRefusal(error) {
  if (error instanceof LinkLost) return "There is no connection to the server right now.";
  return REFUSALS[error.code] ?? sentence(error.message);
}

/** Returns why a message was not delivered. */
export function ofFailure(code, text, conversation) {
  if (code === null) return "Not sent: there was no connection to the server.";
  if (code === Code.offline) {
    return conversation.group
      ? "No other member of this group is online. Messages are not kept for later."
      : `${conversation.title} is offline. Messages are not kept for later.`;
  }
  return FAILURES[code] ?? (text ? sentence(text) : "The message was not sent.");
}

export const UNCONFIRMED = "The delivery was not confirmed. The message may or may not have arrived.";

/** Returns the text of a delivery, with the counts for a group. */
export function ofDelivery({ delivered, missed, offline }) {
  if (delivered === undefined) return "Delivered";
  const parts = [`Delivered to ${delivered}`];
  if (missed) parts.push(`${missed} did not confirm`);
  if (offline) parts.push(`${offline} offline`);
  return parts.join(", ");
}

/** Returns why the session of the page ended. */
export function ofEnd({ code, notice }) {
  const text = ENDINGS[notice?.code] ?? (code === 4501 ? ENDINGS[Code.authFailed] : "The server closed the connection.");
  return notice?.reason ? `${text} Reason: ${notice.reason}` : text;
}

/** Returns a text of the server as a sentence. */
export function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

function seconds(count) {
  const n = Number(count);
  return n < 90 ? `${n} second${n === 1 ? "" : "s"}` : `${Math.ceil(n / 60)} minutes`;
}
