#!/usr/bin/env python3
"""Benchmarks the client library: its size, the size of the Python wheel, the time to import it in Python, the CPU time per
event in each language, and the time to connect.

    bench_sdk.py --size     only the sizes; exit 1 if one exceeds its limit
    bench_sdk.py [EVENTS]   everything, against its own server

The CPU time is that of all threads of the measured process, from before the first message until the last one is handed out.
The library's batches are full: the client reads messages from the socket as they arrive, and hands them out when all have
arrived. A Rust program sends the messages, faster than any client takes them.
The client for comparison uses `websockets` and `json` and makes the same checks: the nine fields and their types, names,
times, and duplicate IDs. Both take the same messages from the same server in the same run.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "target/sdk/libcallie.so"
WHEELS = ROOT / "target/wheels"
#: The programs that `scripts/library.sh bench` builds, from callie-client/benches/client.rs, bindings/c/bench,
#: bindings/kotlin and bindings/swift/Bench.
RUST = ROOT / "target/sdk/bench-client"
C = ROOT / "target/sdk/bench-receive"
KOTLIN = ROOT / "bindings/kotlin/target"
SWIFT = ROOT / "target/swift/bench/release/Receive"
PASSWORD = "correct horse battery"
BATCH = 64

MIB = 1024 * 1024
#: What applications accept for a chat library on a phone. Of this, the state that outlives the process takes 73 KiB: half for the
#: file, its thread and the records, half for the stores of applications in other languages.
LIBRARY_GATE = 2.75 * MIB
WHEEL_GATE = 1.6 * 1_000_000
EVENTS = 20_000


def sizes():
    """Prints the sizes, and returns whether they are within their limits."""
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / "stripped.so"
        subprocess.run(["strip", "-o", stripped, LIBRARY], check=True)
        size = stripped.stat().st_size
    print(f"shared library, stripped     {size / MIB:6.2f} MiB   (limit {LIBRARY_GATE / MIB} MiB)")
    good = size <= LIBRARY_GATE
    wheels = sorted(WHEELS.glob("callie-*.whl"), key=lambda wheel: wheel.stat().st_mtime)
    if wheels:
        size = wheels[-1].stat().st_size
        print(f"wheel                        {size / 1e6:6.2f} MB    (limit {WHEEL_GATE / 1e6} MB)")
        good &= size <= WHEEL_GATE
    return good


def import_time():
    """Prints the time of the fastest of ten imports, each in its own process."""
    code = "import time; t = time.perf_counter(); import callie; print(time.perf_counter() - t)"
    # Compiled, as after an installation by pip.
    subprocess.run([sys.executable, "-m", "compileall", "-q", ROOT / "bindings/python/callie"], check=True)
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(10)]
    print(f"import callie                {min(float(run.stdout) for run in runs) * 1000:6.1f} ms    (target: 60 ms)")


# The measured clients, each in its own process: `bench_sdk.py CLIENT URL TOKEN EVENTS`. A client prints "ready", and at
# the end the CPU time per event in microseconds.


async def with_callie(url, token, count):
    import callie

    async with callie.Client(url, "bob", token=token, event_queue=count + BATCH) as client:
        await client.next_events(BATCH)
        print("ready", flush=True)
        seen = 0
        began = time.process_time()
        # Waits until the batches are full, as they are under load.
        while client.stats.messages_received < count:
            await asyncio.sleep(0.05)
        while seen < count:
            for event in await client.next_events(BATCH):
                seen += isinstance(event, callie.Message)
        print((time.process_time() - began) / count * 1e6, flush=True)


FIELDS = ["token", "sender", "recipient", "timestamp", "type", "content", "metadata", "payloadID", "payloadVersion"]
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\Z")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)\Z")
ID = re.compile(r"[!-~]{1,128}\Z")


def no_repeated_keys(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is there twice")
    return members


def check(text):
    """Parses a payload with the same checks as the library."""
    from datetime import datetime

    if len(text.encode()) > 65_536:
        raise ValueError("too large")
    payload = json.loads(text, object_pairs_hook=no_repeated_keys)
    if not isinstance(payload, dict) or any(field not in payload for field in FIELDS):
        raise ValueError("a field is missing")
    if len(payload) != len(FIELDS):
        raise ValueError("a field is unknown")
    for field in ("token", "sender", "recipient", "timestamp", "type", "payloadID", "payloadVersion"):
        if not isinstance(payload[field], str):
            raise ValueError(f"{field} is no text")
    if not isinstance(payload["content"], dict) or not isinstance(payload["metadata"], dict):
        raise ValueError("content and metadata are objects")
    for field in ("sender", "recipient"):
        if payload[field] != "SERVER" and not NAME.match(payload[field]):
            raise ValueError(f"{field} is no name")
    if not TIMESTAMP.match(payload["timestamp"]) or not ID.match(payload["payloadID"]):
        raise ValueError("malformed")
    datetime.fromisoformat(payload["timestamp"].replace("Z", "+00:00"))
    if payload["payloadVersion"].split(".")[0] != "1":
        raise ValueError("another version")
    if payload["type"] == "MSG":
        content = payload["content"]
        if not isinstance(content.get("text"), str) or not ID.match(content.get("messageID", "")):
            raise ValueError("no message")
        if not 1 <= len(content["text"].encode()) <= 32_768:
            raise ValueError("too long")
        if not isinstance(content.get("attachments", []), list):
            raise ValueError("attachments are a list")
    return payload


async def with_websockets(url, token, count):
    import uuid
    from datetime import datetime, timezone

    import websockets

    def payload(recipient, kind, content):
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return json.dumps(
            {
                "token": token,
                "sender": "bob",
                "recipient": recipient,
                "timestamp": now,
                "type": kind,
                "content": content,
                "metadata": {},
                "payloadID": str(uuid.uuid4()),
                "payloadVersion": "1.0",
            }
        )

    address = url.replace("http://", "ws://") + "/ws"
    async with websockets.connect(address, subprotocols=["callie.1"], compression=None) as socket:
        await socket.send(payload("SERVER", "CMD", {"command": "AUTHENTICATE", "parameters": {}}))
        await socket.recv()
        print("ready", flush=True)
        seen, known = 0, set()
        began = time.process_time()
        async for text in socket:
            received = check(text)
            key = (received["sender"], received["payloadID"])
            if received["type"] == "PING":
                await socket.send(payload(received["sender"], "PONG", {}))
            elif received["type"] == "MSG" and key not in known:
                known.add(key)
                seen += 1
                if seen == count:
                    break
        print((time.process_time() - began) / count * 1e6, flush=True)


class Bed:
    """Starts the test bed with one environment. It is optimised, because the time to connect includes the server's."""

    def __enter__(self):
        import socket

        program = ROOT / "target/release/callie-testbed"
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._link = socket.create_connection(("127.0.0.1", int(self._process.stdout.readline())), timeout=60)
        self._link.sendall(b"server\ndirect\n")
        answers = self._link.makefile()
        answers.readline()
        self.url = answers.readline().split()[1]
        return self

    def __exit__(self, *_):
        self._link.close()
        self._process.stdin.close()
        self._process.wait(timeout=60)


def received(command, url, token, count):
    """Lets a client receive `count` messages, and returns the CPU time per message in microseconds."""
    client = subprocess.Popen([*command, url, token, str(count)], stdout=subprocess.PIPE, text=True)
    assert client.stdout.readline() == "ready\n"
    subprocess.run([RUST, "send", url, str(count)], check=True)
    cost = float(client.stdout.readline())
    client.wait()
    return cost


def kotlin_classes():
    """Returns the class path of the Kotlin package, its tests and their dependencies."""
    needed = (KOTLIN / "classpath").read_text().strip()
    return f"{KOTLIN / 'test-classes'}:{KOTLIN / 'classes'}:{needed}"


def events(url, token, count):
    """Prints the CPU time per event, the better of two runs for each language."""
    clients = {
        "Rust": [RUST, "receive"],
        "C": [C],
        "Kotlin": ["java", "-cp", kotlin_classes(), "dev.callie.bench.ReceiveKt"],
        "Swift": [ROOT / "scripts/swift.sh", SWIFT],
        "Python": [sys.executable, __file__, "callie"],
        "websockets": [sys.executable, __file__, "websockets"],
    }
    cost = {name: min(received(command, url, token, count) for _ in range(2)) for name, command in clients.items()}
    print(f"Rust, CPU per event          {cost['Rust']:6.1f} us")
    print(f"C                            {cost['C']:6.1f} us    ({cost['C'] / cost['Rust']:.2f} times Rust; target: 1.2)")
    print(f"Kotlin                       {cost['Kotlin']:6.1f} us")
    print(f"Swift                        {cost['Swift']:6.1f} us")
    print(f"Python                       {cost['Python']:6.1f} us    (target: 10 us)")
    ratio = cost["websockets"] / cost["Python"]
    print(f"websockets and json          {cost['websockets']:6.1f} us    ({ratio:.1f} times as much; target: 2)")


def connecting(url, token):
    """Prints the time from connecting to the first message."""
    done = subprocess.run([RUST, "connect", url, token], check=True, capture_output=True, text=True)
    ours, bare = map(float, done.stdout.split())
    print(f"connect to first message     {ours:6.0f} us    ({ours / bare:.1f} times a bare WebSocket's {bare:.0f} us; target: 3)")


def account(url):
    """Returns bob's token."""
    import callie

    return asyncio.run(callie.Server(url).register_and_login("bob", PASSWORD)).token


def main():
    if len(sys.argv) == 5:
        client = {"callie": with_callie, "websockets": with_websockets}[sys.argv[1]]
        asyncio.run(client(sys.argv[2], sys.argv[3], int(sys.argv[4])))
        return 0
    if "--size" in sys.argv:
        return 0 if sizes() else 1
    os.environ.setdefault("PYTHONPATH", str(ROOT / "bindings/python"))
    sys.path.insert(0, str(ROOT / "bindings/python"))
    good = sizes()
    import_time()
    with Bed() as bed:
        token = account(bed.url)
        events(bed.url, token, int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
        connecting(bed.url, token)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
