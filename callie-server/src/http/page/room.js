// The open conversation: its header, its messages and the composer.

import { bubble } from "./bubble.js";
import { attachDialog } from "./dialogs.js";
import { avatar, el, find, icon } from "./dom.js";
import { membersOf } from "./list.js";

/** Two messages of one author within this time are grouped. */
const TOGETHER = 5 * 60_000;
/** Up to this distance from the end, new messages scroll into view. */
const NEAR = 120;

const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export class Room {
  #chat;
  #conversation = null;
  #files = [];
  #drafts = new Map();
  #shown = new Map();
  #last = null;
  #atEnd = true;

  constructor(chat, signal) {
    this.#chat = chat;
    const on = (id, event, run) => find(id).addEventListener(event, run, { signal });
    on("composer", "submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    on("text", "keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    on("text", "input", () => {
      this.#fit();
      find("composer-error").textContent = "";
      if (find("text").value) this.#chat.typed(this.#conversation);
    });
    on("attach", "click", () => attachDialog((file) => this.#attach(file)));
    on("back", "click", () => this.#chat.open(null));
    // An on-screen keyboard reduces the height. The last messages stay visible.
    const resized = new ResizeObserver(() => this.#atEnd && this.#toEnd());
    resized.observe(find("log"));
    signal.addEventListener("abort", () => resized.disconnect());
    on("log", "scroll", () => (this.#atEnd = this.#isAtEnd()));
  }

  open(conversation) {
    if (this.#conversation) this.#drafts.set(this.#conversation.id, { text: find("text").value, files: this.#files });
    this.#conversation = conversation;
    find("chat").classList.toggle("reading", conversation !== null);
    find("welcome").hidden = conversation !== null;
    find("room").hidden = conversation === null;
    if (!conversation) return;
    const draft = this.#drafts.get(conversation.id) ?? { text: "", files: [] };
    find("text").value = draft.text;
    this.#files = draft.files;
    this.#showFiles();
    find("composer-error").textContent = "";
    this.#shown.clear();
    this.#last = null;
    find("log").replaceChildren();
    for (const entry of conversation.messages) this.#append(entry);
    this.changed(conversation);
    this.typing(conversation);
    this.#fit();
    this.#toEnd();
    if (!find("composer").hidden) find("text").focus();
  }

  /** Updates the header and the composer after a change of the conversation. */
  changed(conversation) {
    if (conversation !== this.#conversation) return;
    const { title, group, everyone, online, gone } = conversation;
    find("room-title").textContent = title;
    find("room-avatar").replaceChildren(avatar(title, group || everyone));
    const status = find("room-status");
    status.textContent = everyone
      ? "Whoever is connected reads this"
      : group ? (gone ? "You are not in this group" : membersOf(conversation))
        : online === null ? "" : online ? "Online" : "Offline";
    status.classList.toggle("is-online", !group && online === true);
    find("members").hidden = find("leave").hidden = !group || gone;
    find("composer").hidden = gone;
  }

  typing(conversation) {
    if (conversation !== this.#conversation) return;
    const names = [...conversation.typing.keys()];
    const who = names.length > 2 ? `${names.length} people` : names.join(" and ");
    find("typing").textContent = names.length === 0 ? "" : `${who} ${names.length === 1 ? "is" : "are"} typing…`;
  }

  added(conversation, entry) {
    if (conversation !== this.#conversation) return;
    const atEnd = this.#isAtEnd();
    this.#append(entry);
    this.typing(conversation);
    if (atEnd || entry.author === this.#chat.model.me) this.#toEnd();
  }

  entryChanged(entry) {
    const shown = this.#shown.get(entry);
    if (!shown) return;
    const atEnd = this.#isAtEnd();
    const made = this.#make(entry, shown.first);
    shown.element.replaceWith(made);
    shown.element = made;
    if (atEnd) this.#toEnd();
  }

  #append(entry) {
    const last = this.#last;
    const newDay = !last || new Date(last.at).toDateString() !== new Date(entry.at).toDateString();
    if (newDay) find("log").append(el("p", { class: "line day" }, DAY.format(entry.at)));
    const first = newDay || last.system || last.author !== entry.author || entry.at - last.at > TOGETHER;
    const element = this.#make(entry, first);
    find("log").append(element);
    this.#shown.set(entry, { element, first });
    this.#last = entry;
  }

  #make(entry, first) {
    const conversation = this.#conversation;
    return bubble(entry, {
      mine: entry.author === this.#chat.model.me,
      first: first && (conversation.group || conversation.everyone || entry.author === this.#chat.model.me),
      again: () => this.#chat.again(conversation, entry),
    });
  }

  #isAtEnd() {
    const log = find("log");
    return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  }

  #toEnd() {
    const log = find("log");
    log.scrollTop = log.scrollHeight;
    this.#atEnd = true;
  }

  /** Adapts the height of the field to its text. */
  #fit() {
    const text = find("text");
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight + 2, 180)}px`;
  }

  #send() {
    const field = find("text");
    const text = field.value.trim() === "" ? "" : field.value.replace(/\s+$/, "");
    if (text === "" && this.#files.length === 0) return field.focus();
    if (new TextEncoder().encode(text).length > this.#chat.limits.text) {
      find("composer-error").textContent = "This message is too long. Send it in parts.";
      return;
    }
    this.#chat.send(this.#conversation, text, this.#files);
    field.value = "";
    this.#files = [];
    this.#showFiles();
    this.#fit();
    field.focus();
  }

  #attach(file) {
    if (this.#files.length >= this.#chat.limits.files) {
      find("composer-error").textContent = `A message has at most ${this.#chat.limits.files} attachments.`;
      return;
    }
    this.#files = [...this.#files, file];
    this.#showFiles();
    find("text").focus();
  }

  #showFiles() {
    find("attached").replaceChildren(...this.#files.map((file) => {
      const shown = file.name || file.url;
      const remove = () => {
        this.#files = this.#files.filter((other) => other !== file);
        this.#showFiles();
        find("text").focus();
      };
      return el("li", {}, icon(file.kind), el("span", {}, shown),
        el("button", { type: "button", "aria-label": `Remove ${shown}`, click: remove }, icon("close")));
    }));
  }
}
