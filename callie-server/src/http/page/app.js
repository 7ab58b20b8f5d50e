// The page: the login form without a session, and the chat with one.

import { forget, kept, logOut } from "./accounts.js";
import { Chat } from "./chat.js";
import { browseDialog, groupDialog, leaveDialog, membersDialog, personDialog } from "./dialogs.js";
import { prepareDoor, showDoor } from "./door.js";
import { avatar, el, find } from "./dom.js";
import { showList } from "./list.js";
import { Model } from "./model.js";
import { Room } from "./room.js";
import { ofEnd } from "./words.js";

/** How long a toast is shown. */
const TOAST_LASTS = 8_000;

function toast(text) {
  const shown = el("p", {}, text);
  find("toasts").append(shown);
  setTimeout(() => shown.remove(), TOAST_LASTS);
}

/** Runs the chat of a session until it ends. Then the login form is shown again. */
function enter(session) {
  const over = new AbortController();
  const on = (target, event, run) => target.addEventListener(event, run, { signal: over.signal });
  const list = () => showList(chat.model, (conversation) => chat.open(conversation));
  const chat = new Chat(session, {
    list,
    link: (name, details) => showLink(name, details),
    opened: (conversation) => room.open(conversation),
    roomChanged: (conversation) => room.changed(conversation),
    added: (conversation, entry) => room.added(conversation, entry),
    changed: (entry) => room.entryChanged(entry),
    typing: (conversation) => {
      room.typing(conversation);
      list();
    },
    toast,
  });
  const room = new Room(chat, over.signal);

  function leave(reason) {
    over.abort();
    chat.stop();
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    room.open(null);
    find("list").replaceChildren();
    find("log").replaceChildren();
    document.title = "Callie";
    showDoor(reason);
  }

  function showLink(name, details) {
    const words = { connecting: "Connecting…", online: "Online", waiting: "Reconnecting…", ended: "Disconnected" };
    find("link").textContent = words[name];
    find("link").dataset.state = name;
    const broken = name === "waiting" || name === "ended";
    // The reason stays visible while the connection is retried.
    if (broken) find("banner-text").textContent = name === "ended" ? ofEnd(details) : "The connection is lost. Trying again…";
    if (broken || name === "online") find("banner").hidden = !broken;
    if (name === "ended" && details.code >= 4501 && details.code <= 4599) {
      forget();
      leave(ofEnd(details));
    }
  }

  on(find("new-person"), "click", () => personDialog(chat));
  on(find("first-person"), "click", () => personDialog(chat));
  on(find("new-group"), "click", () => groupDialog(chat));
  on(find("browse"), "click", () => browseDialog(chat));
  on(find("members"), "click", () => membersDialog(chat, chat.model.open));
  on(find("leave"), "click", () => leaveDialog(chat, chat.model.open));
  on(find("connect"), "click", () => chat.start());
  on(find("log-out"), "click", () => {
    Model.forget();
    logOut(session);
    leave("");
  });
  // The browser is online again, or the page is visible again.
  on(window, "online", () => chat.nudge());
  on(document, "visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    chat.nudge();
    if (chat.model.open) chat.model.open.unread = 0;
    list();
  });

  find("my-avatar").replaceChildren(avatar(session.name));
  find("my-name").textContent = session.name;
  find("banner").hidden = true;
  find("chat").hidden = false;
  room.open(null);
  list();
  chat.start();
}

prepareDoor(enter);
const session = kept();
if (session) enter(session);
else showDoor();
