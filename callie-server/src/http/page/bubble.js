// One message as an element.

import { el, icon, outLink, webAddress } from "./dom.js";
import { render } from "./markdown.js";
import { State } from "./model.js";
import { AttachmentKind } from "./protocol.js";

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

const TICKS = {
  [State.waiting]: "Waiting for the connection",
  [State.sent]: "Sent",
  [State.delivered]: "Delivered",
  [State.unconfirmed]: "Unconfirmed",
  [State.failed]: "Not delivered",
};

export const clock = (at) => CLOCK.format(at);

/** A message. `again` runs when the user retries a failed one. */
export function bubble(entry, { mine, first, again }) {
  if (entry.system) return el("p", { class: "line" }, entry.text);
  const body = el("div", { class: "body", dir: "auto" });
  if (entry.deleted) body.append(el("em", { class: "quiet" }, "This message was deleted."));
  else body.append(render(entry.text), ...entry.files.map(attachment));
  const foot = el("div", { class: "foot" },
    entry.edited && !entry.deleted ? el("span", {}, "edited") : null,
    el("time", { datetime: new Date(entry.at).toISOString() }, clock(entry.at)),
    mine ? tick(entry) : null,
  );
  return el("article", { class: `bubble ${mine ? "mine" : "theirs"}${first ? " first" : ""}`, "data-state": entry.state },
    first && !mine ? el("strong", { class: "author" }, entry.author) : el("span", { class: "unseen" }, `${mine ? "You" : entry.author}: `),
    body,
    foot,
    note(entry, again),
  );
}

function tick(entry) {
  const words = TICKS[entry.state];
  const title = entry.state === State.delivered ? entry.note ?? words : words;
  return el("span", { class: `tick ${entry.state}`, title }, icon(entry.state), el("span", { class: "unseen" }, title));
}

/** Why a message was not delivered, and a button to retry. */
function note(entry, again) {
  if (entry.state !== State.failed && entry.state !== State.unconfirmed) return null;
  return el("p", { class: `note ${entry.state}`, role: "alert" },
    entry.note ?? "It is not known whether this arrived.", " ",
    el("button", { type: "button", class: "link", click: again }, "Send again"),
  );
}

function attachment({ kind, url, name, size }) {
  const href = webAddress(url);
  // The server accepts no other URLs. Any other text is shown as text.
  if (!href) return el("p", {}, url);
  const shown = name || readable(new URL(href).pathname.split("/").pop()) || new URL(href).host;
  const about = [new URL(href).host, size === undefined ? null : bytes(size)].filter(Boolean).join(" · ");
  const card = el("div", { class: "file" },
    icon(Object.hasOwn(AttachmentKind, kind) ? kind : AttachmentKind.file),
    el("div", { class: "what" }, outLink(href, shown), el("span", { class: "quiet" }, about)),
  );
  if (kind === AttachmentKind.image) card.append(imageButton(href, shown, card));
  return card;
}

/** An image is loaded only on a click, because its host learns the viewer's address. */
function imageButton(href, name, card) {
  const button = el("button", { type: "button", class: "link" }, "Show");
  button.addEventListener("click", () => {
    const image = el("img", { src: href, alt: name, referrerpolicy: "no-referrer" });
    image.addEventListener("error", () => image.replaceWith(el("p", { class: "quiet" }, "The image could not be loaded.")));
    card.after(image);
    button.remove();
  });
  return button;
}

function readable(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function bytes(size) {
  if (size < 1_000) return `${size} bytes`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = size / 1_000;
  while (value >= 1_000 && units.length > 1) {
    value /= 1_000;
    units.shift();
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[0]}`;
}
