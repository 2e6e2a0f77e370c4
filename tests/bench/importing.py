"""What `make bench` measures of imports: how long a million people take, and what that costs in memory."""

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.bench.measuring import Bench, Sample, watched
from tests.bench.ours import Ours, RunningOurs
from tests.bench.sides import PREFIX, Side
from tests.bench.tools import BenchError, wait_until

HEADER = "login;name;phone;e-mail;status;city;plan;category;tag\n"
ROW = "user{n};Łucja Żak {n};+{prefix}{n:07d};user{n}@isp.example;{status};City {city};Fibre {plan};person;{tag}\n"
STATUSES = ("active", "active", "active", "new", "inactive", "blocked")
BLOCK = 1 << 20
TIMEOUT_S = 800.0
POLL_S = 0.25


def people(bench: Bench, side: Side) -> list[Sample]:
    """F12: the highest memory of the process that runs the jobs, between the upload and the last row."""
    if not isinstance(side, Ours):
        raise BenchError("it has no contacts")
    count = bench.sizes.people
    table = _table(bench.world.folder / "people.csv", count)
    with side.started() as live:
        live.rows("truncate contact cascade")
        with watched(live) as seen:
            began = time.monotonic()
            number = _upload(live, table)
            uploaded_s = time.monotonic() - began
            live.call("POST", f"/api/v1/contacts/imports/{number}/start", {"by": "login"})
            cpu_before = live.cpu_seconds()
            began = time.monotonic()
            wait_until(lambda: _is_over(live, number), TIMEOUT_S, f"{count:,} rows to be imported", poll_s=POLL_S)
            took_s = time.monotonic() - began
            cpu = live.cpu_seconds()
        stored = live.rows("select count(*) from contact")[0][0]
        if stored != count:
            raise BenchError(f"{stored:,} of {count:,} people are stored")
    peak = max(each.get("jobs", 0) for each in seen)
    facts = {
        "rows": f"{count:,}",
        "upload": f"{uploaded_s:.1f} s for {table.stat().st_size / 1e6:.0f} MB",
        "import": f"{took_s:.0f} s, {count / took_s:,.0f} rows/s",
        "processor": " + ".join(f"{role} {cpu[role] - cpu_before.get(role, 0.0):.0f} s" for role in sorted(cpu)),
        "web at its highest": f"{max(each.get('web', 0) for each in seen) / 1e6:.0f} MB",
    }
    return [Sample(peak / 1e6, facts)]


def _table(path: Path, count: int) -> Path:
    """A file such as other systems export."""
    with path.open("w", encoding="cp1250") as file:
        file.write(HEADER)
        for n in range(count):
            file.write(
                ROW.format(
                    n=n,
                    prefix=PREFIX,
                    status=STATUSES[n % len(STATUSES)],
                    city=n % 50,
                    plan=n % 20,
                    tag="VIP" if n % 100 == 0 else "",
                )
            )
    return path


def _upload(live: RunningOurs, table: Path) -> int:
    """Its number. Sends the file block by block, as a browser does."""
    boundary = uuid4().hex
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{table.name}"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()

    def body() -> Iterator[bytes]:
        yield head
        with table.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
        yield tail

    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=120)
    try:
        headers = {
            "Authorization": f"Bearer {live.token}",
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(head) + table.stat().st_size + len(tail)),
        }
        connection.request("POST", "/api/v1/contacts/imports", body(), headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status != 201:
        raise BenchError(f"the upload: {answer.status} {text[:500]!r}")
    shown: dict[str, Any] = json.loads(text)
    return int(shown["id"])


def _is_over(live: RunningOurs, number: int) -> bool:
    [(state, trouble)] = live.rows("select state, trouble from contact_import where id = %s", number)
    if state not in ("running", "done"):
        raise BenchError(f"the import is {state}: {trouble}")
    return bool(state == "done")
