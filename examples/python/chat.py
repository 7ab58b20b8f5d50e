"""A chat in the terminal: python chat.py http://127.0.0.1:8080 ada PASSWORD bob

Registers the user if the name is free. Each line that you type is sent to the peer. Ctrl-D ends the program. With a file as
fifth argument, lines that are not delivered yet when the program ends are sent by the next one, even if it is killed.

    make bindings
    PYTHONPATH=bindings/python python examples/python/chat.py http://127.0.0.1:8080 ada PASSWORD bob
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Optional

import callie
from callie import ConnectionKind, OutcomeKind


def read_lines(lines: asyncio.Queue[Optional[str]], loop: asyncio.AbstractEventLoop) -> None:
    for line in sys.stdin:
        loop.call_soon_threadsafe(lines.put_nowait, line.strip())
    loop.call_soon_threadsafe(lines.put_nowait, None)


async def type_in(client: callie.Client, peer: str) -> None:
    lines: asyncio.Queue[Optional[str]] = asyncio.Queue()
    threading.Thread(target=read_lines, args=(lines, asyncio.get_running_loop()), daemon=True).start()
    ticket = None
    while (line := await lines.get()) is not None:
        if line:
            ticket = client.send(peer, line)
    if ticket is not None:
        # Waits for the outcome of the last line.
        await asyncio.wait({asyncio.ensure_future(ticket.outcome())}, timeout=5)


def describe(outcome: callie.SendOutcome) -> str:
    if outcome.kind == OutcomeKind.STORED:
        return "offline: kept until it can be delivered"
    if outcome.kind == OutcomeKind.UNCONFIRMED:
        return "unconfirmed: it may have been delivered"
    if outcome.kind == OutcomeKind.PENDING:
        return "not delivered yet: the next chat continues with it"
    return f"not delivered: {outcome.reason or outcome.kind}"


async def show(client: callie.Client) -> None:
    waited = False
    async for event in client:
        if isinstance(event, callie.Message):
            print(f"{event.sender}: {event.text}", flush=True)
            for attachment in event.attachments:
                print(f"  [{attachment.kind}] {attachment.url}", flush=True)
        elif isinstance(event, callie.Notice):
            print(f"* {event.description} ({event.code})", flush=True)
        elif isinstance(event, callie.Ended) and event.outcome.kind not in (OutcomeKind.DELIVERED, OutcomeKind.SENT):
            print(f"* {describe(event.outcome)}", flush=True)
        elif isinstance(event, callie.DeliveredLate):
            print("* delivered late", flush=True)
        elif isinstance(event, callie.ConnectionChanged) and event.state.kind == ConnectionKind.WAITING:
            waited, state = True, event.state
            print(f"* no connection, again in {state.retry_in.total_seconds():.1f} s: {state.reason}", flush=True)
        elif isinstance(event, callie.ConnectionChanged) and event.state.kind == ConnectionKind.ONLINE and waited:
            waited = False
            print("* connected again" if event.state.resumed else "* connected again; messages may be missing", flush=True)
        elif isinstance(event, callie.Closed):
            print(f"* {event.reason}", flush=True)


async def main(server: str, username: str, password: str, peer: str, state_file: Optional[str] = None) -> None:
    async with callie.Client(server, username, password, register=True, state_file=state_file) as client:
        print(f"* {username} is connected, write to {peer}", flush=True)
        showing = asyncio.create_task(show(client))
        typing = asyncio.create_task(type_in(client, peer))
        # Waits until the input ends or the client has ended.
        await asyncio.wait({showing, typing}, return_when=asyncio.FIRST_COMPLETED)
        typing.cancel()
    await asyncio.wait({showing, typing})
    showing.result()
    # Raises the error of a line that could not be sent, but not the cancellation of the reader.
    if not typing.cancelled():
        typing.result()


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit("usage: chat.py URL USERNAME PASSWORD PEER [FILE]")
    try:
        asyncio.run(main(*sys.argv[1:]))
    except callie.CallieError as error:
        sys.exit(f"chat: {error}")
    except KeyboardInterrupt:
        pass
