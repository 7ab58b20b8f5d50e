// A chat in the terminal: node chat.js http://127.0.0.1:8080 ada PASSWORD bob
//
// Registers the user if the name is free. Each line that you type is sent to the peer. Ctrl-D ends the program.
//
//     make typescript
//     cd examples/typescript
//     npm install
//     npm run build
//     node chat.js http://127.0.0.1:8080 ada PASSWORD bob

import readline from "node:readline";
import { CallieError, Client, type SendOutcome, type Ticket } from "callie";

async function show(client: Client): Promise<void> {
  let waited = false;
  for await (const event of client) {
    switch (event.type) {
      case "message":
        console.log(`${event.sender}: ${event.text}`);
        for (const attachment of event.attachments) console.log(`  [${attachment.kind}] ${attachment.url}`);
        break;
      case "notice":
        console.log(`* ${event.description} (${event.code})`);
        break;
      case "ended":
        showOutcome(event.outcome);
        break;
      case "deliveredLate":
        console.log("* delivered late");
        break;
      case "connectionChanged":
        if (event.state.kind === "waiting") {
          waited = true;
          console.log(
            `* no connection, again in ${(event.state.retryInMs / 1000).toFixed(1)} s: ${event.state.reason}`,
          );
        } else if (event.state.kind === "online" && waited) {
          waited = false;
          console.log(event.state.resumed ? "* connected again" : "* connected again; messages may be missing");
        }
        break;
      case "closed":
        console.log(`* ${event.reason}`);
        break;
    }
  }
}

function showOutcome(outcome: SendOutcome): void {
  switch (outcome.kind) {
    case "offline":
      console.log("* not delivered: offline");
      break;
    case "failed":
      console.log(`* not delivered: ${outcome.reason}`);
      break;
    case "stored":
      console.log("* offline: kept until it can be delivered");
      break;
    case "unconfirmed":
      console.log("* unconfirmed: it may have been delivered");
      break;
  }
}

async function typeIn(client: Client, peer: string): Promise<void> {
  let ticket: Ticket | undefined;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (line.trim()) ticket = client.send(peer, line.trim());
  }
  // Waits for the outcome of the last line.
  if (ticket) await Promise.race([ticket, new Promise((resolve) => setTimeout(resolve, 5_000).unref())]);
}

async function main([url, username, password, peer]: string[]): Promise<void> {
  if (!url || !username || !password || !peer) throw new Error("usage: chat.js URL USERNAME PASSWORD PEER");
  const client = await Client.open(url, username, { password, register: true });
  console.log(`* ${username} is connected, write to ${peer}`);
  const showing = show(client);
  try {
    // Waits until the input ends, a line cannot be sent, or the client has ended.
    await Promise.race([showing, typeIn(client, peer)]);
  } finally {
    await client.disconnect();
    await showing;
  }
}

try {
  await main(process.argv.slice(2));
  // The input may still be open.
  process.exit(0);
} catch (error) {
  console.log(error instanceof CallieError ? `chat: ${error.message}` : String(error));
  process.exit(1);
}
