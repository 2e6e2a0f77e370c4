"""The provider of the fault tests, a process: `python -m tests.faults.fake_provider <log> <seed>`; prints its port.

    POST /send/<gateway>   {"ref", "to", "text", "report_to"} or {"messages": [...]} -> {"id"} or {"results": [...]}
    PUT  /script           {"gateway"?, "delay_s": [0.005, 0.03], "weights": {"answer": 90, "drop": 5}, "reports": {}}
    PUT  /inbound          {"url", "messages": [{"from", "to", "text", "id"}]}: all at once, each twice
    GET  /count            {"accepted": messages, "requests": of submits, "waiting": unanswered callbacks}

Each submit is written to the log before anything is answered: time, gateway, references, behaviour, whether it was
accepted; each callback when it is first sent, and when it was answered with 2xx.
"""

import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass, field

from tests.faults.behaviours import BEHAVIOURS, Drop, Json, plain, response
from tests.faults.reports import Reporter, append_only


@dataclass(slots=True)
class Script:
    """How submits are treated: weights of behaviours, and the bounds of the delay before them."""

    weights: dict[str, float] = field(default_factory=lambda: {"answer": 1})
    delay_s: tuple[float, float] = (0.0, 0.0)


class Provider:
    """Accepts, logs, answers and reports by its script."""

    def __init__(self, log: str, seed: int) -> None:
        self._log = append_only(log)
        self._chance = random.Random(seed)
        self._reporter = Reporter(self._log, random.Random(seed + 1))
        self._scripts = {"": Script()}
        self._served = self._accepted = 0
        self._last_ids: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._one(reader, writer)
                await writer.drain()
        except (Drop, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request_line, *lines = head.splitlines()
        method, path, _ = request_line.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        match method, path:
            case "PUT", "/script":
                self._follow(json.loads(content))
                writer.write(plain({}))
            case "PUT", "/inbound":
                self._reporter.burst(**json.loads(content))
                writer.write(plain({}))
            case "GET", "/count":
                counts = {"accepted": self._accepted, "requests": self._served, "waiting": self._reporter.waiting}
                writer.write(plain(counts))
            case "POST", _ if path.startswith("/send/"):
                await self._submit(path.removeprefix("/send/"), json.loads(content), writer)
            case _:
                self._log({"at": time.time(), "foreign": f"{method} {path}"})
                writer.write(response("404 Not Found", b"{}"))

    def _follow(self, wanted: Json) -> None:
        if "reports" in wanted:
            self._reporter.weights = wanted["reports"]
        if "weights" in wanted:
            self._scripts[wanted.get("gateway", "")] = Script(wanted["weights"], tuple(wanted["delay_s"]))

    async def _submit(self, gateway: str, body: Json, writer: asyncio.StreamWriter) -> None:
        script = self._scripts.get(gateway) or self._scripts[""]
        [name] = self._chance.choices(list(script.weights), list(script.weights.values()))
        delay_s = self._chance.uniform(*script.delay_s)
        behaviour = BEHAVIOURS[name]
        messages = body.get("messages", [body])
        self._served += 1
        refs = [message["ref"] for message in messages]
        accepted = behaviour.is_accepted
        self._log({"at": time.time(), "gateway": gateway, "refs": refs, "did": name, "accepted": accepted})
        ids = [f"{self._served}-{n}" for n in range(len(messages))]
        if name == "same id" and len(self._last_ids) == len(ids):
            ids = self._last_ids
        self._last_ids = ids
        if behaviour.is_accepted:
            self._accepted += len(messages)
            await self._reporter.accepted(messages)
        await asyncio.sleep(delay_s)
        items = [{"to": message["to"], "id": id_} for message, id_ in zip(messages, ids, strict=True)]
        await behaviour.say(writer, {"results": items} if "messages" in body else {"id": ids[0]})


async def main(log: str, seed: int) -> None:
    provider = Provider(log, seed)
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, limit=1024 * 1024)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - how the caller learns the port
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
