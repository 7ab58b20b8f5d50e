// What went wrong or happened, in words for people.

import { AccountCode, Code } from "./protocol.js";
import { LinkLost } from "./connection.js";

const CALLS = {
  [AccountCode.taken]: "This username is taken. Choose another one.",
  [AccountCode.badName]: "A username has 2 to 32 of the characters a–z, 0–9, “.”, “_” and “-”, and begins with a letter or a digit. Some names are reserved.",
  [AccountCode.weak]: "The password needs at least 8 characters.",
  [AccountCode.closed]: "This server takes no new users at the moment.",
  [AccountCode.wrong]: "The username or the password is wrong.",
  [AccountCode.banned]: "This account is banned from this server.",
  [AccountCode.unavailable]: "The server cannot do this now. Try again in a moment.",
};

const REFUSALS = {
  [Code.userNotFound]: "There is nobody with this username here.",
  [Code.groupNotFound]: "There is no such group, or it is private.",
  [Code.notAMember]: "You are not a member of this group.",
  [Code.forbidden]: "You may not do this.",
  [Code.limitReached]: "A limit of this server is reached.",
  [Code.rateLimited]: "That was too much at once. Wait a moment.",
  [Code.internal]: "The server had a fault. Try again in a moment.",
};

const FAILURES = {
  [Code.unknownRecipient]: "There is nobody with this name here any more.",
  [Code.notAMember]: "You are not a member of this group.",
  [Code.forbidden]: "They do not take messages from you.",
  [Code.tooLarge]: "This message is too large for the server.",
  [Code.invalidField]: "The server did not take this message: it is too long, or an attachment is wrong.",
  [Code.rateLimited]: "You are sending too fast. Wait a moment.",
  [Code.internal]: "The server had a fault and could not send this.",
};

const ENDINGS = {
  [Code.sessionExpired]: "Your session has expired. Log in again.",
  [Code.sessionRevoked]: "Your session was ended. Log in again.",
  [Code.authFailed]: "Your session is over. Log in again.",
  [Code.authTimeout]: "The server did not hear from this page in time. Log in again.",
  [Code.kicked]: "An admin ended your connection.",
  [Code.banned]: "An admin banned you from this server.",
  [Code.tooManyInvalid]: "The server did not understand this page. Reload it.",
};

/** Why a call of an account failed. */
export function ofCall(error) {
  if (error.code === "") return "The server cannot be reached. Check your connection and try again.";
  if (error.code === AccountCode.rateLimited) {
    return error.retryAfter ? `Too many attempts. Try again in ${seconds(error.retryAfter)}.` : "Too many attempts. Wait a little.";
  }
  return CALLS[error.code] ?? sentence(error.message);
}

/** Why a command failed. */
export function ofRefusal(error) {
  if (error instanceof LinkLost) return "There is no connection to the server right now.";
  return REFUSALS[error.code] ?? sentence(error.message);
}

/** Why a message did not arrive at a conversation. */
export function ofFailure(code, text, conversation) {
  if (code === null) return "Not sent: there was no connection to the server.";
  if (code === Code.offline) {
    return conversation.group
      ? "Nobody else of this group is online. Messages are not kept for later."
      : `${conversation.title} is offline. Messages are not kept for later.`;
  }
  return FAILURES[code] ?? (text ? sentence(text) : "The message was not sent.");
}

export const UNCONFIRMED = "Nobody confirmed that this arrived. It may or may not have.";

/** What a delivery to a group says beyond that it was one. */
export function ofDelivery({ delivered, missed, offline }) {
  if (delivered === undefined) return "Delivered";
  const parts = [`Delivered to ${delivered}`];
  if (missed) parts.push(`${missed} did not confirm`);
  if (offline) parts.push(`${offline} offline`);
  return parts.join(", ");
}

/** Why a connection ended for good. */
export function ofEnd({ code, notice }) {
  const said = ENDINGS[notice?.code] ?? (code === 4501 ? ENDINGS[Code.authFailed] : "The server closed the connection.");
  return notice?.reason ? `${said} Reason: ${notice.reason}` : said;
}

/** A text of the server as a sentence of its own. */
export function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

function seconds(count) {
  const n = Number(count);
  return n < 90 ? `${n} second${n === 1 ? "" : "s"}` : `${Math.ceil(n / 60)} minutes`;
}
