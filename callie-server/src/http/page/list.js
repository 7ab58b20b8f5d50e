// The list of conversations.

import { avatar, el, find } from "./dom.js";
import { clock } from "./bubble.js";

export function showList(model, open) {
  const all = model.sorted();
  const list = find("list");
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  list.replaceChildren(...all.map((conversation) => row(conversation, model, open)));
  find("list-empty").hidden = all.length > 0;
  if (focused) [...list.querySelectorAll("button")].find((b) => b.dataset.id === focused)?.focus();
  document.title = model.unread > 0 ? `(${model.unread}) Callie` : "Callie";
}

function row(conversation, model, open) {
  const { id, title, group, everyone, online, unread, messages, typing } = conversation;
  const last = messages.at(-1);
  const person = !group && !everyone;
  const preview = typing.size > 0 ? "typing…" : last ? summary(last, model.me) : group ? membersOf(conversation) : "No messages yet";
  return el("li", {},
    el("button", {
      type: "button", class: "row", "data-id": id,
      "aria-current": model.open === conversation ? "true" : null,
      click: () => open(conversation),
    },
      el("span", { class: "face" }, avatar(title, !person), person ? dot(online) : null),
      el("span", { class: "about" },
        el("span", { class: "top" },
          el("strong", { dir: "auto" }, title),
          last ? el("time", { datetime: new Date(last.at).toISOString() }, clock(last.at)) : null,
        ),
        el("span", { class: "top" },
          el("span", { class: "preview", dir: "auto" }, preview),
          unread > 0 ? el("span", { class: "badge" }, String(unread), el("span", { class: "unseen" }, " unread")) : null,
        ),
      ),
    ),
  );
}

/** A dot for the presence of a user, with a text for screen readers. */
function dot(online) {
  if (online === null) return null;
  return el("span", { class: `dot ${online ? "online" : "offline"}` }, el("span", { class: "unseen" }, online ? "online" : "offline"));
}

export function membersOf({ count, online }) {
  const members = `${count} member${count === 1 ? "" : "s"}`;
  return online === null ? members : `${members}, ${online} online`;
}

function summary(entry, me) {
  if (entry.deleted) return "Deleted";
  const text = entry.text || `📎 ${entry.files?.[0]?.name ?? "Attachment"}`;
  const who = entry.system ? "" : entry.author === me ? "You: " : "";
  return who + text.slice(0, 120).replace(/[\s*_`#>~]+/g, " ").trim();
}
