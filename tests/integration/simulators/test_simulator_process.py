"""The server as a process of its own, on its own event loop."""

import asyncio
import json
import signal
import sys

import aiohttp
import pytest

SCRIPT = """
import json
from gatepost.simulators.engine import Account
from gatepost.simulators.server import run

def ready(server):
    print(json.dumps([server.url, server.url_of("warsaw"), server.token]), flush=True)

run([Account(name="warsaw", slug="smsapi", port=0)], token="t", ready=ready)
"""


async def test_a_process_serves_breaks_mends_and_stops_in_order():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SCRIPT, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout
        async with asyncio.timeout(60):
            url, own, token = json.loads(await process.stdout.readline())
        async with aiohttp.ClientSession(headers={"X-Simulators-Token": token}) as session:

            async def ping():
                headers = {"Authorization": "Bearer demo-token"}
                async with session.get(own + "/ping", headers=headers) as got:
                    return (await got.json())["authorized"]

            assert await ping()
            await session.post(url + "/_control/warsaw", json={"break": True})
            with pytest.raises(aiohttp.ClientConnectorError):
                await ping()
            await session.post(url + "/_control/warsaw", json={"break": False})
            assert await ping()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
