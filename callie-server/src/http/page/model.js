// The data of this tab: conversations with their messages. The server stores no messages, so they exist as long as the tab.

import { EVERYONE, isGroup } from "./protocol.js";

const KEY = "callie.conversations";
/** The most messages of a conversation that are kept, in memory and over a reload. */
const MAX_MESSAGES = 500;
const MAX_KEPT = 100;
/** How long a user counts as typing after a signal. */
const TYPING_LASTS = 6_000;

/** The states of a message: waiting → sent → delivered, unconfirmed or failed. Received messages are "received". */
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

  /** Sorted for the list: the latest first. */
  sorted() {
    return [...this.conversations.values()].sort((a, b) => b.at - a.at);
  }

  people() {
    return [...this.conversations.values()].filter((c) => !c.group && !c.everyone);
  }

  get unread() {
    return this.sorted().reduce((sum, c) => sum + c.unread, 0);
  }

  /** Returns the conversation of a message between these two. */
  place(from, to) {
    return to === this.#me ? from : to;
  }

  add(conversation, entry) {
    conversation.messages.push(entry);
    if (conversation.messages.length > MAX_MESSAGES) conversation.messages.shift();
    conversation.at = entry.at;
    conversation.typing.delete(entry.author);
  }

  /** Stores the payload of a sent message. */
  expect(payload, conversation, entry) {
    this.#pending.set(payload, { conversation, entry });
  }

  /** Returns the message that was sent in this payload, or null. */
  pending(payload) {
    return this.#pending.get(payload) ?? null;
  }

  settle(payload) {
    this.#pending.delete(payload);
  }

  message(conversation, author, id) {
    return conversation?.messages.find((m) => m.id === id && m.author === author) ?? null;
  }

  /** Shows a user as typing. `done` is called when that ends. */
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

  /** Stores the conversations for a reload of the page. */
  keep() {
    const list = this.sorted().map(({ id, title, at, gone, messages }) => ({
      id, title, at, gone, messages: messages.slice(-MAX_KEPT),
    }));
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ me: this.#me, list }));
    } catch {
      // The browser's storage is full. A reload then has fewer messages.
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
        // The outcome of messages in transit at the reload is lost.
        if (message.state === State.waiting || message.state === State.sent) {
          message.state = conversation.everyone ? State.sent : State.unconfirmed;
        }
      }
    }
  }
}
