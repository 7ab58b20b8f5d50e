// Accounts, login sessions, and servers that cannot be reached.

import { Client, Refused, Server, Unreachable } from "callie";
import { check, equal, fails, online, PASSWORD, SOON_MS, type TestEnv, url } from "./env.js";

export async function registersAndLogsIn(env: TestEnv): Promise<void> {
  const server = new Server(await url(env));
  await server.register("ada", PASSWORD);
  const credentials = await server.login("ada", PASSWORD, { device: "a test" });
  equal(credentials.username, "ada");
  check(credentials.token.length > 0, "a token");
  check(!JSON.stringify(credentials).includes(credentials.token), "no token in JSON");
  const sessions = await server.sessions(credentials);
  equal(
    sessions.map(({ device, current }) => [device, current]),
    [["a test", true]],
  );
}

export async function wrongPasswordIsRefused(env: TestEnv): Promise<void> {
  const server = new Server(await url(env));
  await server.register("ada", PASSWORD);
  const error = await fails(() => server.login("ada", "another password"), Refused);
  equal(error.code, "INVALID_CREDENTIALS");
}

export async function takenNameIsRefused(env: TestEnv): Promise<void> {
  const server = new Server(await url(env));
  await server.register("ada", PASSWORD);
  const error = await fails(() => server.register("ada", PASSWORD), Refused);
  equal(error.code, "USERNAME_TAKEN");
}

export async function connectsAndAuthenticates(env: TestEnv): Promise<void> {
  await using ada = await online(await url(env), "ada");
  equal(ada.state.kind, "online");
  check(ada.limits.messagesPerSecond > 0 && ada.limits.maxTextBytes > 0, "limits");
}

export async function invalidTokenIsRefused(env: TestEnv): Promise<void> {
  const client = new Client(await url(env), "ada", { token: "x".repeat(43) });
  const error = await fails(() => client.connect(), Refused);
  equal(error.code, "AUTH_FAILED");
  equal(client.state.kind, "closed");
}

export async function unusedPortIsUnreachable(env: TestEnv): Promise<void> {
  const nobody = await url(env, "nobody");
  const began = performance.now();
  await fails(() => new Server(nobody).login("ada", PASSWORD), Unreachable);
  const client = new Client(nobody, "ada", { token: "token" });
  const error = await fails(() => client.connect(), Unreachable);
  equal(error.code, "UNREACHABLE");
  check(error.reason, "a reason");
  equal(client.state.kind, "suspended");
  check(performance.now() - began < SOON_MS, "in time");
}

export async function wrongCertificateIsRefused(env: TestEnv): Promise<void> {
  const server = await url(env, "tls");
  await fails(() => new Server(server).login("ada", PASSWORD), Unreachable);
  await fails(() => new Client(server, "ada", { token: "token" }).connect(), Unreachable);
}
