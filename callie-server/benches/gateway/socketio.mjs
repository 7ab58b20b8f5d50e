// socket.io in the roles of a server and its clients, for the benchmark of cut connections. PACKAGES is the folder with
// node_modules. A role ends when its standard input does and its work is done.

import { createRequire } from "node:module";
import { createServer } from "node:http";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

const load = createRequire(`${process.env.PACKAGES}/`);
const inputEnded = async () => {
  process.stdin.resume();
  await once(process.stdin, "end");
};

/** Publishes a message to all clients at every interval, and prints how many. */
async function serve(interval, time) {
  const { Server } = load("socket.io");
  const http = createServer();
  const io = new Server(http, {
    transports: ["websocket"],
    connectionStateRecovery: { maxDisconnectionDuration: 60_000 },
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  console.log(`127.0.0.1:${http.address().port}`);
  await inputEnded();
  const end = Date.now() + Number(time);
  let sent = 0;
  while (Date.now() < end) {
    io.emit("message", sent, "x".repeat(300));
    sent += 1;
    await sleep(Number(interval));
  }
  console.log(sent);
}

/** Counts what arrives, until nothing has for a while. */
async function subscribe(address, count, patience) {
  const { io } = load("socket.io-client");
  let [received, duplicates, resumed, gaps, online] = [0, 0, 0, 0, 0];
  let last = Date.now();
  for (let number = 0; number < Number(count); number += 1) {
    const socket = io(`http://${address}`, {
      transports: ["websocket"],
      forceNew: true,
      reconnectionDelay: 250,
      reconnectionDelayMax: 30_000,
    });
    const seen = new Set();
    let wasOnline = false;
    socket.on("connect", () => {
      if (!wasOnline) online += 1;
      else if (socket.recovered) resumed += 1;
      else gaps += 1;
      wasOnline = true;
    });
    socket.on("message", (id) => {
      last = Date.now();
      if (seen.has(id)) duplicates += 1;
      else received += 1;
      seen.add(id);
    });
  }
  while (online < Number(count)) await sleep(50);
  console.log("online");
  await inputEnded();
  while (Date.now() - last < Number(patience)) await sleep(100);
  console.log(`${received} ${duplicates} ${resumed} ${gaps}`);
  process.exit(0);
}

const [role, ...rest] = process.argv.slice(2);
await (role === "server" ? serve(...rest) : subscribe(...rest));
