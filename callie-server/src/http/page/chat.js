// The chat of one session: handles events of the connection, updates the model, and has `ui` show the changes.

import { Connection } from "./connection.js";
import { Model, State } from "./model.js";
import { Code, EVERYONE, TYPING, commands, mayAdd, newId } from "./protocol.js";
import { UNCONFIRMED, ofDelivery, ofFailure, sentence } from "./words.js";

/** The interval of typing signals while the user types. */
const TYPING_EVERY = 3_000;
/** The most pages of a list that are fetched, of 100 entries each. */
const MAX_PAGES = 10;
/** The most names in one command about presence. */
const MAX_WATCHED = 256;

export class Chat {
  limits = { text: 32_768, files: 10 };
  #ui;
  #connection;
  #typedAt = 0;

  constructor(session, ui) {
    this.#ui = ui;
    this.model = new Model(session.name);
    this.#connection = new Connection(session, {
      state: (name, details) => this.#state(name, details),
      received: (what) => this.#received(what),
      written: (payload) => this.#written(payload),
      outcome: (payload, notice) => this.#outcome(payload, notice),
    });
  }

  start() {
    this.#connection.start();
  }

  stop() {
    this.#connection.stop();
  }

  nudge() {
    this.#connection.nudge();
  }

  // ---- Actions of the user ----

  open(conversation) {
    this.model.open = conversation;
    if (conversation) conversation.unread = 0;
    this.#typedAt = 0;
    this.#ui.opened(conversation);
    this.#ui.list();
    if (conversation?.group && !conversation.gone) this.refreshMembers(conversation).catch(() => {});
    if (conversation && !conversation.group && !conversation.everyone) this.#watch([conversation.id]);
  }

  /** Starts a conversation with an existing user. */
  async person(name) {
    await this.#connection.request(commands.profile(name));
    const conversation = this.model.conversation(name);
    conversation.at = Date.now();
    this.open(conversation);
  }

  async createGroup(title, members, open) {
    const made = await this.#connection.request(commands.createGroup(title, members, open));
    const conversation = this.model.conversation(made.id, made.title);
    Object.assign(conversation, { role: "owner", count: made.count, gone: false });
    this.open(conversation);
  }

  async join(group) {
    await this.#connection.request(commands.joinGroup(group.id));
    const conversation = this.model.conversation(group.id, group.title);
    Object.assign(conversation, { gone: false, at: Date.now() });
    this.open(conversation);
  }

  async leave(conversation) {
    await this.#connection.request(commands.leaveGroup(conversation.id));
    this.model.conversations.delete(conversation.id);
    this.model.keep();
    this.open(null);
  }

  async addMember(conversation, name) {
    await this.#connection.request(commands.addMember(conversation.id, name));
    await this.refreshMembers(conversation);
  }

  publicGroups(after) {
    return this.#connection.request(commands.publicGroups(after));
  }

  /** Fetches all members of a group, and updates its title, its count and the own role. */
  async refreshMembers(conversation) {
    const group = await this.#all((after) => commands.members(conversation.id, after));
    const me = group.items.find((m) => m.name === this.model.me);
    Object.assign(conversation, { title: group.title, count: group.count, role: me?.role ?? null, open: group.open });
    conversation.online = group.items.filter((m) => m.online).length;
    this.#ui.list();
    this.#ui.roomChanged(conversation);
    return group.items;
  }

  mayAdd(conversation) {
    return mayAdd(conversation.role);
  }

  send(conversation, text, files) {
    const draft = { id: newId(), text, files };
    const entry = { ...draft, author: this.model.me, at: Date.now(), state: State.waiting };
    this.model.add(conversation, entry);
    this.#typedAt = 0;
    this.#ui.added(conversation, entry);
    this.#post(conversation, entry);
  }

  /** Sends a message again, in a new payload. */
  again(conversation, entry) {
    Object.assign(entry, { state: State.waiting, note: undefined });
    this.#ui.changed(entry);
    this.#post(conversation, entry);
  }

  #post(conversation, entry) {
    const payload = this.#connection.post(conversation.id, entry);
    if (payload) this.model.expect(payload, conversation, entry);
    else this.#set(entry, State.failed, "Too many messages are waiting to be sent.");
    this.#changed();
  }

  typed(conversation) {
    if (conversation.everyone || Date.now() - this.#typedAt < TYPING_EVERY) return;
    this.#typedAt = Date.now();
    this.#connection.signal(commands.signal(conversation.id, TYPING));
  }

  // ---- Events of the connection ----

  #state(name, details) {
    this.#ui.link(name, details);
    if (name !== "online") return;
    this.limits = details.limits ?? this.limits;
    this.#watch(this.model.people().map((c) => c.id));
    this.refreshGroups();
  }

  async refreshGroups() {
    let own;
    try {
      own = await this.#all(commands.ownGroups);
    } catch {
      // The connection was lost. The next one fetches again.
      return;
    }
    const mine = new Set(own.items.map((g) => g.id));
    for (const { id, title, role, count } of own.items) {
      Object.assign(this.model.conversation(id, title), { role, count, gone: false });
    }
    for (const conversation of this.model.conversations.values()) {
      if (conversation.group && !mine.has(conversation.id) && !own.next) conversation.gone = true;
    }
    this.#changed();
    if (this.model.open) this.#ui.roomChanged(this.model.open);
  }

  async #all(list) {
    let page = await this.#connection.request(list());
    const items = [...page.items];
    for (let pages = 1; page.next && pages < MAX_PAGES; pages++) {
      page = await this.#connection.request(list(page.next));
      items.push(...page.items);
    }
    return { ...page, items };
  }

  #watch(names) {
    for (let from = 0; from < names.length; from += MAX_WATCHED) {
      const some = names.slice(from, from + MAX_WATCHED);
      this.#connection.request(commands.watch(some)).then(
        // A user who hides the presence, or shares no group, is reported offline as well, so offline is not shown.
        (people) => people.forEach(({ name, online }) => this.#presence(name, online || null)),
        // Without it, no presence is shown until it changes.
        () => {},
      );
    }
  }

  #presence(name, online) {
    const conversation = this.model.conversations.get(name);
    if (!conversation) return;
    conversation.online = online;
    if (online === false) conversation.typing.clear();
    this.#ui.list();
    this.#ui.roomChanged(conversation);
  }

  #written(payload) {
    const pending = this.model.pending(payload);
    if (pending) this.#set(pending.entry, State.sent);
  }

  #outcome(payload, notice) {
    const pending = this.model.pending(payload);
    if (!pending) return;
    this.model.settle(payload);
    const { conversation, entry } = pending;
    if (notice.code === Code.delivered && !conversation.group && conversation.online === false) {
      this.#presence(conversation.id, null);
    }
    if (notice.code === Code.delivered || notice.code === Code.partly) this.#set(entry, State.delivered, ofDelivery(notice));
    else if (notice.code === Code.unconfirmed) this.#set(entry, State.unconfirmed, UNCONFIRMED);
    else {
      if (notice.code === Code.offline && !conversation.group) this.#presence(conversation.id, false);
      this.#set(entry, State.failed, ofFailure(notice.code, notice.text, conversation));
    }
    this.#changed();
  }

  #set(entry, state, note) {
    Object.assign(entry, { state, note });
    this.#ui.changed(entry);
  }

  #received(what) {
    switch (what.kind) {
      case "message":
        return this.#message(what);
      case "signal":
        return this.#signal(what);
      case "edit":
        return this.#amend(what, { text: what.text, edited: true });
      case "delete":
        return this.#amend(what, { text: "", files: [], deleted: true });
      case "notice":
        return this.#notice(what);
    }
  }

  #message({ from, to, at, message }) {
    const known = this.model.conversations.has(this.model.place(from, to));
    const conversation = this.model.conversation(this.model.place(from, to));
    // Sorted by arrival, because the sender's clock may be wrong.
    const entry = { ...message, author: from, at: Math.min(at || Date.now(), Date.now()) };
    entry.state = from === this.model.me ? State.sent : State.received;
    const old = this.model.message(conversation, from, message.id);
    if (old) {
      // A retry by the author, or a copy of an own message.
      return old.state === State.received && this.#amend({ author: from, place: conversation, message: message.id }, message);
    }
    // The author is online, whatever was known before.
    if (conversation.id === from && conversation.online === false) this.#presence(from, null);
    this.model.add(conversation, entry);
    const seen = this.model.open === conversation && document.visibilityState === "visible";
    if (!seen && entry.state === State.received) conversation.unread += 1;
    this.#ui.added(conversation, entry);
    this.#changed();
    if (!known && !conversation.group && from !== EVERYONE && !conversation.everyone) this.#watch([conversation.id]);
    if (!known && conversation.group) this.refreshGroups();
  }

  #amend({ author, to, place, message }, change) {
    const conversation = place ?? this.model.conversations.get(this.model.place(author, to));
    const entry = this.model.message(conversation, author, message);
    if (!entry) return;
    Object.assign(entry, change);
    this.#ui.changed(entry);
    this.#changed();
  }

  #signal({ from, to, signal }) {
    const conversation = this.model.conversations.get(this.model.place(from, to));
    if (!conversation || signal !== TYPING || from === this.model.me) return;
    this.model.typing(conversation, from, () => this.#ui.typing(conversation));
    this.#ui.typing(conversation);
  }

  #notice(notice) {
    const pending = this.model.pending(notice.replyTo);
    if (pending) return this.#outcome(notice.replyTo, notice);
    switch (notice.code) {
      case Code.userJoined:
      case Code.userLeft:
        return notice.group ? this.#membership(notice) : this.#presence(notice.user, notice.code === Code.userJoined);
      case Code.groupUpdated:
        return this.refreshGroups();
      case Code.groupDeleted:
        return this.#gone(notice.group, "This group was deleted.");
      case Code.announcement:
        return this.#ui.toast(`Announcement: ${notice.text}`);
      case Code.serverShutdown:
      case Code.overloaded:
        return;
      default:
        if (!notice.command) this.#ui.toast(sentence(notice.text));
    }
  }

  #membership({ code, user, group }) {
    const joined = code === Code.userJoined;
    const conversation = this.model.conversations.get(group);
    if (user === this.model.me) {
      if (!joined) return this.#gone(group, "You are no longer in this group.");
      this.model.conversation(group).gone = false;
      return this.refreshGroups();
    }
    if (!conversation) return;
    this.#addNotice(conversation, `${user} ${joined ? "joined" : "left"} the group.`);
    this.refreshMembers(conversation).catch(() => {});
  }

  #gone(group, text) {
    const conversation = this.model.conversations.get(group);
    if (!conversation || conversation.gone) return;
    conversation.gone = true;
    this.#addNotice(conversation, text);
    this.#ui.roomChanged(conversation);
  }

  /** Adds a line of the page itself to a conversation. */
  #addNotice(conversation, text) {
    const entry = { id: newId(), text, at: Date.now(), system: true };
    this.model.add(conversation, entry);
    this.#ui.added(conversation, entry);
    this.#changed();
  }

  #changed() {
    this.model.keep();
    this.#ui.list();
  }
}
