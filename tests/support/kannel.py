"""Kannel as a provider: bearerbox, smsbox and its fakesmsc on free loopback ports, and what reached the SMSC.

Debian: packages kannel and kannel-extras. Facts by experiment with 1.4.5: its fake SMSC answers every message with a
receipt "delivered" by itself; fakesmsc logs what it gets, one line of its protocol each.
"""

import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from tests.support.installation import Process, spawn, wait_until
from tests.support.ports import quiet_port

USERNAME = "tester"
PASSWORD = "foobar"
DENIED_PREFIX = "+48699"
FAKESMSC = Path("/usr/lib/kannel/test/fakesmsc")
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

CONFIG = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
access-log = "{folder}/access.log"

group = smsc
smsc = fake
smsc-id = fake
host = 127.0.0.1
our-host = 127.0.0.1
port = {smsc}
connect-allow-ip = 127.0.0.1
denied-prefix = "{denied}"

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {smsbox}
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = {username}
password = {password}
concatenation = true
max-messages = 10

group = sms-service
keyword = default
text = "-"
max-messages = 0
"""

GOT = re.compile(r"Got message \d+: <(.*)>")
MESSAGE = re.compile(
    r"(?P<sender>\S*) (?P<to>\+\d+) (?:udh (?P<udh>\S+) )?(?P<kind>text|ucs-2|data) (?P<body>.*)", re.DOTALL
)
RECEIPT = re.compile(r"Receive DLR .*\[to:(\+\d+)\] \[flags:-?\d+:-?\d+:-?\d+:-?\d+:(\d+)\]")


class Incomplete(Exception):
    """Not all parts of a message are there."""


@dataclass(frozen=True, slots=True)
class Received:
    """What the SMSC got for a number, parts joined in their order."""

    parts: int
    content: bytes
    is_ucs2: bool | None

    def text(self, is_ucs2: bool) -> str:
        """The text. Of a message in parts the protocol does not say how it is coded, so the caller does."""
        assert self.is_ucs2 is None or self.is_ucs2 == is_ucs2, "sent in the other coding than it was counted in"
        return self.content.decode("utf-16-be" if is_ucs2 else "utf-8")


@dataclass(slots=True)
class Kannel:
    """A running Kannel."""

    folder: Path
    sendsms_port: int
    fakesmsc: Process

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.sendsms_port}"

    def received(self) -> dict[str, Received]:
        """By number: what the SMSC got. Raises Incomplete while parts are missing."""
        parts: dict[str, dict[int, tuple[int, re.Match[str]]]] = {}
        for line in _messages(self.fakesmsc.log):
            found = MESSAGE.fullmatch(line)
            assert found is not None, line
            count, number = _place(found["udh"])
            of_number = parts.setdefault(found["to"], {})
            assert number not in of_number, f"{found['to']} got part {number} twice"
            of_number[number] = (count, found)
        return {to: _joined(of_number) for to, of_number in parts.items()}

    def receipts(self) -> dict[str, set[int]]:
        """By number: the kinds of receipts that bearerbox saw (1 delivered, 2 failed, 8 accepted, 16 rejected)."""
        seen: dict[str, set[int]] = {}
        for to, kind in RECEIPT.findall((self.folder / "access.log").read_text("utf-8", "replace")):
            seen.setdefault(to, set()).add(int(kind))
        return seen


def missing() -> list[str]:
    """The programs that are not installed."""
    found = {name: shutil.which(name, path=SYSTEM_PATH) for name in ("bearerbox", "smsbox")}
    return [name for name, path in found.items() if path is None] + ([] if FAKESMSC.exists() else ["fakesmsc"])


@contextmanager
def kannel(folder: Path) -> Iterator[Kannel]:
    """Kannel with an SMSC that takes everything but numbers that begin with DENIED_PREFIX."""
    ports = {name: quiet_port() for name in ("admin", "smsbox", "smsc", "sendsms")}
    assert len(set(ports.values())) == len(ports)
    config = folder / "kannel.conf"
    config.write_text(CONFIG.format(folder=folder, username=USERNAME, password=PASSWORD, denied=DENIED_PREFIX, **ports))
    running: list[Process] = []

    def start(name: str, *argv: str) -> Process:
        running.append(spawn(name, [shutil.which(name, path=SYSTEM_PATH) or name, *argv], folder))
        return running[-1]

    try:
        start("bearerbox", "--verbosity", "1", str(config))
        # Not the SMSC's port: it would take the probe for the one SMSC that it talks to.
        wait_until(lambda: _listens(ports["smsbox"]), 60, "bearerbox")
        start("smsbox", "--verbosity", "1", str(config))
        at = ("-H", "127.0.0.1", "-r", str(ports["smsc"]))
        running.append(spawn("fakesmsc", [str(FAKESMSC), *at, "-m", "0", "0 0 text -"], folder))
        wait_until(lambda: "Fakesmsc client connected" in running[0].log.read_text("utf-8", "replace"), 60, "fakesmsc")
        wait_until(lambda: _listens(ports["sendsms"]), 60, "smsbox")
        yield Kannel(folder, ports["sendsms"], running[-1])
    finally:
        for process in reversed(running):
            process.kill()


def _messages(log: Path) -> list[str]:
    """The protocol's lines; a text with a line feed in it takes several, of which only the first has a head."""
    messages: list[str] = []
    for line in GOT.findall(log.read_text("utf-8")):
        if MESSAGE.fullmatch(line):
            messages.append(line)
        else:
            messages[-1] += f"\n{line}"
    return messages


def _place(udh: str | None) -> tuple[int, int]:
    """(parts, number of this one)."""
    if udh is None:
        return 1, 1
    octets = _octets(udh)
    assert octets[:3] == b"\x05\x00\x03", udh
    return octets[4], octets[5]


def _joined(parts: dict[int, tuple[int, re.Match[str]]]) -> Received:
    counts = {count for count, _ in parts.values()}
    [count] = counts
    if parts.keys() != set(range(1, count + 1)):
        raise Incomplete
    lines = [parts[number][1] for number in sorted(parts)]
    content = b"".join(line["body"].encode() if line["kind"] == "text" else _octets(line["body"]) for line in lines)
    is_ucs2 = {"text": False, "ucs-2": True, "data": None}[lines[0]["kind"]]
    return Received(count, content, is_ucs2)


def _octets(urlencoded: str) -> bytes:
    return unquote_to_bytes(urlencoded.replace("+", " "))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
