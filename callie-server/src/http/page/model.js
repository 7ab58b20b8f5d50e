// What this tab knows: conversations with their messages. The server keeps no messages, so they live as long as the tab.

import { EVERYONE, isGroup } from "./protocol.js";

const KEY = "callie.conversations";
/** Messages kept of a conversation, in memory and over a reload. */
const MAX_MESSAGES = 500;
const MAX_KEPT = 100;
/** How long somebody counts as typing after a sign of it. */
const TYPING_LASTS = 6_000;

/** A message's way: waiting → sent → delivered, unconfirmed or failed; received ones are "received". */
export const State = Object.freeze({
  waiting: "waiting",
  sent: "sent",
  delivered: "delivered",
  unconfirmed: "unconfirmed",
  failed: "failed",
  received: "received",
});

export class Model {
  conversations = new Map();
  /** The conversation that is open, or null. */
  open = null;
  #me;
  #pending = new Map();

  constructor(me) {
    this.#me = me;
    this.#restore();
  }

  get me() {
    return this.#me;
  }

  conversation(id, title) {
    let found = this.conversations.get(id);
    if (!found) {
      const group = isGroup(id);
      const everyone = id === EVERYONE;
      found = {
        id, group, everyone, title: title ?? (everyone ? "Everyone online" : group ? "Group" : id),
        role: null, count: 0, online: null, gone: false,
        messages: [], unread: 0, at: Date.now(), typing: new Map(),
      };
      this.conversations.set(id, found);
    }
    if (title) found.title = title;
    return found;
  }

  /** Sorted as a list shows them: what moved last comes first. */
  sorted() {
    return [...this.conversations.values()].sort((a, b) => b.at - a.at);
  }

  people() {
    return [...this.conversations.values()].filter((c) => !c.group && !c.everyone);
  }

  get unread() {
    return this.sorted().reduce((sum, c) => sum + c.unread, 0);
  }

  /** Where a message between these two belongs. */
  place(from, to) {
    return to === this.#me ? from : to;
  }

  add(conversation, entry) {
    conversation.messages.push(entry);
    if (conversation.messages.length > MAX_MESSAGES) conversation.messages.shift();
    conversation.at = entry.at;
    conversation.typing.delete(entry.author);
  }

  /** Notes under which payload a message went out. */
  expect(payload, conversation, entry) {
    this.#pending.set(payload, { conversation, entry });
  }

  /** The message that went out under this payload, or null. */
  pending(payload) {
    return this.#pending.get(payload) ?? null;
  }

  settle(payload) {
    this.#pending.delete(payload);
  }

  message(conversation, author, id) {
    return conversation?.messages.find((m) => m.id === id && m.author === author) ?? null;
  }

  /** Somebody types; `done` runs when that is over. */
  typing(conversation, who, done) {
    const until = Date.now() + TYPING_LASTS;
    conversation.typing.set(who, until);
    setTimeout(() => {
      if (conversation.typing.get(who) === until) {
        conversation.typing.delete(who);
        done();
      }
    }, TYPING_LASTS);
  }

  /** Keeps what there is over a reload of the page. */
  keep() {
    const list = this.sorted().map(({ id, title, at, gone, messages }) => ({
      id, title, at, gone, messages: messages.slice(-MAX_KEPT),
    }));
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ me: this.#me, list }));
    } catch {
      // More than the browser keeps: a reload then begins with less.
      sessionStorage.removeItem(KEY);
    }
  }

  static forget() {
    sessionStorage.removeItem(KEY);
  }

  #restore() {
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(KEY));
    } catch {
      Model.forget();
    }
    if (kept?.me !== this.#me) return;
    for (const { id, title, at, gone, messages } of kept.list) {
      const conversation = this.conversation(id, title);
      Object.assign(conversation, { at, gone, messages });
      for (const message of messages) {
        // What was on its way when the page went has nobody waiting for its end any more.
        if (message.state === State.waiting || message.state === State.sent) {
          message.state = conversation.everyone ? State.sent : State.unconfirmed;
        }
      }
    }
  }
}
