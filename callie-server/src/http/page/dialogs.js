// The dialogs. A dialog stays open and shows the reason if its action fails.

import { avatar, el, find, webAddress } from "./dom.js";
import { isUsername } from "./protocol.js";
import { ofRefusal } from "./words.js";

/** An invalid input, with a text for the user. */
class Wrong extends Error {}

/** Opens a dialog. Its main button runs `submit`, and the dialog closes if that succeeds. */
function show(id, submit, { stays = false } = {}) {
  const dialog = find(id);
  const form = dialog.querySelector("form");
  const error = dialog.querySelector(".error");
  const over = new AbortController();
  const on = (target, event, run) => target.addEventListener(event, run, { signal: over.signal });
  error.textContent = "";
  on(dialog, "close", () => over.abort());
  for (const cancel of dialog.querySelectorAll(".cancel")) on(cancel, "click", () => dialog.close());
  const attempt = async (work) => {
    error.textContent = "";
    try {
      await work();
      return true;
    } catch (reason) {
      error.textContent = reason instanceof Wrong ? reason.message : ofRefusal(reason);
      return false;
    }
  };
  on(form, "submit", async (event) => {
    event.preventDefault();
    if (submit && (await attempt(submit)) && !stays && dialog.open) dialog.close();
  });
  dialog.showModal();
  return { dialog, attempt, signal: over.signal };
}

function username(id) {
  const name = find(id).value.trim().toLowerCase();
  if (!isUsername(name)) throw new Wrong("A username has 2 to 32 of the characters a–z, 0–9, “.”, “_” and “-”.");
  return name;
}

export function personDialog(chat) {
  find("person-name").value = "";
  show("person-dialog", () => chat.person(username("person-name")));
}

export function groupDialog(chat) {
  for (const id of ["group-name", "group-members"]) find(id).value = "";
  find("group-open").checked = false;
  show("group-dialog", () => {
    const title = find("group-name").value.trim();
    if (title === "") throw new Wrong("The group needs a name.");
    const members = find("group-members").value.toLowerCase().split(/[\s,;]+/).filter(Boolean);
    const wrong = members.find((name) => !isUsername(name));
    if (wrong) throw new Wrong(`“${wrong}” is no username.`);
    return chat.createGroup(title, members, find("group-open").checked);
  });
}

export function browseDialog(chat) {
  const rows = find("public-groups");
  const more = find("more-groups");
  rows.replaceChildren();
  more.hidden = true;
  let next;
  const { dialog, attempt, signal } = show("browse-dialog");
  const load = () => attempt(async () => {
    const page = await chat.publicGroups(next);
    if (!next && page.items.length === 0) rows.append(el("li", { class: "quiet" }, "There are no public groups yet."));
    rows.append(...page.items.map(row));
    next = page.next;
    more.hidden = !next;
  });
  const row = (group) => {
    const known = chat.model.conversations.get(group.id);
    const inside = known && !known.gone;
    const enter = () => attempt(async () => {
      await (inside ? chat.open(known) : chat.join(group));
      dialog.close();
    });
    return el("li", {}, avatar(group.title, true),
      el("span", { class: "what" }, el("strong", { dir: "auto" }, group.title), el("span", { class: "quiet" }, `${group.count} member${group.count === 1 ? "" : "s"}`)),
      el("button", { type: "button", click: enter, "aria-label": `${inside ? "Open" : "Join"} ${group.title}` }, inside ? "Open" : "Join"));
  };
  more.addEventListener("click", load, { signal });
  load();
}

export function membersDialog(chat, conversation) {
  const rows = find("member-rows");
  const field = find("member-name");
  rows.replaceChildren();
  field.value = "";
  find("add-member").hidden = !chat.mayAdd(conversation);
  const fill = async () => {
    const members = await chat.refreshMembers(conversation);
    find("add-member").hidden = !chat.mayAdd(conversation);
    rows.replaceChildren(...members.map(({ name, role, online }) => el("li", {},
      el("span", { class: "face" }, avatar(name), el("span", { class: `dot ${online ? "online" : "offline"}` })),
      el("span", { class: "what" }, el("strong", {}, name), el("span", { class: "quiet" }, online ? "online" : "offline")),
      role === "member" ? null : el("span", { class: "role" }, role))));
  };
  const { attempt } = show("members-dialog", async () => {
    if (find("add-member").hidden) return;
    await chat.addMember(conversation, username("member-name"));
    field.value = "";
    await fill();
    field.focus();
  }, { stays: true });
  attempt(fill);
}

export function leaveDialog(chat, conversation) {
  find("leave-text").textContent = `You will no longer receive messages of “${conversation.title}”.`;
  show("leave-dialog", () => chat.leave(conversation));
}

export function attachDialog(done) {
  for (const id of ["attach-url", "attach-name"]) find(id).value = "";
  show("attach-dialog", () => {
    const url = webAddress(find("attach-url").value.trim());
    if (!url) throw new Wrong("The address must begin with https:// or http://.");
    done({ kind: find("attach-kind").value, url, name: find("attach-name").value.trim() || undefined });
  });
}
