"""Tests the cluster of examples/cluster as it is documented: nginx, three nodes, NATS and PostgreSQL."""

import asyncio
import os
import random
import re
import signal
import subprocess
import threading

import pytest

import callie

from conftest import BUILT, PASSWORD, ROOT

#: Creating a database and starting seven processes takes a few seconds, but longer on a machine under load.
START_SECONDS = 90
#: Much longer than clients need to reconnect to another node.
SOON = 60


@pytest.mark.timeout(240)
def test_users_reconnect_when_a_node_is_killed():
    port = random.randrange(20_000, 31_000, 20)
    cluster = subprocess.Popen(
        [ROOT / "examples/cluster/run.sh"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "CALLIE_SERVER": str(BUILT / "callie-server"), "PORT": str(port)},
    )
    watch = threading.Timer(START_SECONDS, cluster.terminate)
    watch.start()
    try:
        first = cluster.stdout.readline()
        assert "listening on http://" in first, first + cluster.stdout.read()
        url = first.split(" on ")[1].strip()
        nodes = [int(re.search(r"process (\d+)", cluster.stdout.readline())[1]) for _ in range(3)]
        watch.cancel()
        asyncio.run(asyncio.wait_for(chat(url, nodes), 3 * SOON))
        cluster.terminate()
        assert cluster.wait(timeout=SOON) == 0
        assert not [pid for pid in nodes if os.path.exists(f"/proc/{pid}")]
    finally:
        watch.cancel()
        if cluster.poll() is None:
            cluster.terminate()
            cluster.wait(timeout=SOON)
        cluster.stdout.close()


async def chat(url, nodes):
    enter = lambda name: callie.Client(url, name, PASSWORD, register=True)
    async with enter("ada") as ada, enter("bob") as bob:
        for victim in [None, *nodes[:2]]:
            if victim is not None:
                os.kill(victim, signal.SIGKILL)
            text = f"without {victim}"
            heard = asyncio.create_task(hears(bob, text))
            # The users of that node are offline for a moment, so the message is sent again until it is delivered.
            while (await ada.send("bob", text).outcome()).kind != "delivered":
                await asyncio.sleep(0.2)
            await asyncio.wait_for(heard, SOON)


async def hears(client, text):
    async for event in client:
        if isinstance(event, callie.Message) and event.text == text:
            return
    raise AssertionError("the client was closed")
