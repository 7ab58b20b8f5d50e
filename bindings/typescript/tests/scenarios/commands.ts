// Commands, edits, signals and pings.

import { Refused } from "callie";
import { check, equal, fails, next, online, SOON_MS, type TestEnv, url } from "./env.js";

export async function messageIsEditedAndDeleted(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  const sent = ada.send("bob", "Helo");
  equal((await next(bob, "message")).messageId, sent.messageId);
  await ada.editMessage("bob", sent.messageId, "Hello");
  const edited = await next(bob, "edited");
  equal([edited.messageId, edited.sender, edited.text], [sent.messageId, "ada", "Hello"]);
  await ada.deleteMessage("bob", sent.messageId);
  const deleted = await next(bob, "deleted");
  equal([deleted.messageId, deleted.sender, deleted.deletedBy], [sent.messageId, "ada", "ada"]);
}

export async function signalArrives(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  ada.signal("bob", "typing", { since: 3, what: "é" });
  const signal = await next(bob, "signal");
  equal([signal.sender, signal.kind, signal.data], ["ada", "typing", { since: 3, what: "é" }]);
}

export async function commandResultIsTyped(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using _bob = await online(server, "bob");
  const group = await ada.createGroup("Tea ☕", ["bob"], { visibility: "public" });
  equal([group.members.sort(), group.visibility], [["ada", "bob"], "public"]);
  const summary = { groupId: group.groupId, name: "Tea ☕", memberCount: 2, role: "owner" };
  equal(await ada.listGroups(), { groups: [summary] });
  const all: unknown[] = [];
  for await (const one of ada.allGroups({ limit: 1 })) all.push(one);
  equal(all, [summary]);
  const { members } = await ada.getGroup(group.groupId);
  equal(members.map((member) => [member.username, member.role, member.online]).sort(), [
    ["ada", "owner", true],
    ["bob", "member", true],
  ]);
  const settings = await ada.updateSettings({ displayName: "Ada L.", presence: "groups" });
  equal(settings, { displayName: "Ada L.", presence: "groups", directMessages: "everyone" });
  equal(await ada.getSettings(), settings);
  equal(await ada.getProfile("ada"), { username: "ada", displayName: "Ada L." });
  equal((await ada.getPresence(["bob"])).get("bob"), true);
  await ada.blockUser("bob");
  equal((await ada.listBlocked()).usernames, ["bob"]);
  const [session] = await ada.listSessions();
  check(session?.current && session.createdAt instanceof Date, "this session");
}

export async function refusedCommandHasItsCode(env: TestEnv): Promise<void> {
  await using ada = await online(await url(env), "ada");
  equal((await fails(() => ada.command("NO_SUCH_COMMAND"), Refused)).code, "UNKNOWN_COMMAND");
  equal((await fails(() => ada.command("LIST_GROUPS", { limit: 0 }), Refused)).code, "INVALID_PARAMETERS");
  equal((await fails(() => ada.announce("hear ye"), Refused)).code, "FORBIDDEN");
}

export async function pingIsAnswered(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using _bob = await online(server, "bob");
  for (const recipient of ["SERVER", "bob"]) {
    const time = await ada.ping(recipient);
    check(time >= 0 && time < SOON_MS, `${time} ms`);
  }
}
