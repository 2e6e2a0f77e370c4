"""The simulated providers of the demo, by their control interface (docs/simulators.md). They live on this machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

DEMO_FILE: Final = "demo.json"
TOKEN_HEADER: Final = "X-Simulators-Token"  # noqa: S105  the header's name
PATIENCE_S: Final = 15.0


class Away(Exception):
    """The simulators do not answer, or something else does."""


class Declined(Exception):
    """The simulators do not do it; the text says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """A simulated account as it is now. `url`: where its provider is; `numbers`: where phones reply to."""

    name: str
    label: str
    url: str
    numbers: tuple[str, ...]
    is_broken: bool
    delay_ms: int
    fail: float


@dataclass(frozen=True, slots=True)
class Bubble:
    """A text on a handset. `reference`: ours, where the handset got it. Times are Unix times in seconds."""

    account: str
    id: str
    number: str
    other: str
    text: str
    at: float
    is_from_phone: bool
    state: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail in the demo's mailbox. `files`: the names of what it brings along."""

    at: datetime
    to: str
    sender: str
    return_path: str
    subject: str
    text: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulators:
    """How to reach them. Every method raises Away, and those that change something Declined. `mail_port`: of the
    mailbox, 0 where there is none."""

    url: str
    token: str = field(repr=False)
    mail_port: int = 0

    def accounts(self) -> list[Account]:
        return [_account(found) for found in self._ask("GET", "/_control")["accounts"]]

    def bubbles(self, number: str) -> list[Bubble]:
        """Of the latest thousand of all handsets those of this number (digits), oldest change first."""
        return [_bubble(found) for found in self._ask("GET", f"/_phone/messages?number={number}")["messages"]]

    def mails(self) -> list[Arrived]:
        """What arrived in the demo's mailbox, newest first."""
        return [_arrived(found) for found in self._ask("GET", "/_phone/mails")["mails"]]

    def change(self, account: str, changes: Mapping[str, Any]) -> None:
        """Settings and fault switches of one account."""
        self._ask("POST", f"/_control/{quote(account, safe='')}", changes)

    def reply(self, sender: str, account: str, text: str) -> bool:
        """A handset writes to the account; whether its gateway took it."""
        asked = {"from": sender, "to": account, "text": text}
        return bool(self._ask("POST", "/_phone/reply", asked)["taken"])

    def reset(self) -> None:
        """Everything as at the start."""
        self._ask("POST", "/_control/reset", {})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        address = urlsplit(self.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE_S)
        try:
            content = json.dumps(body) if body is not None else None
            connection.request(method, path, content, {TOKEN_HEADER: self.token})
            answer = connection.getresponse()
            found = json.loads(answer.read())
        except (OSError, HTTPException, ValueError):
            raise Away from None
        finally:
            connection.close()
        if answer.status == 200:
            return found
        if method == "GET" or not isinstance(found, dict):
            raise Away
        raise Declined(str(found.get("detail", "")))


def simulators(data_dir: Path) -> Simulators | None:
    """Those of the demo in that data folder; None where there is no demo."""
    try:
        found = json.loads((data_dir / DEMO_FILE).read_text("utf-8"))["simulators"]
        return Simulators(str(found["url"]), str(found["token"]), int(found.get("mail_port", 0)))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _account(found: Mapping[str, Any]) -> Account:
    return Account(
        name=found["name"],
        label=found["label"],
        url=found["url"],
        numbers=tuple(found["numbers"]),
        is_broken=bool(found["break"]),
        delay_ms=found["delay_ms"],
        fail=found["fail"],
    )


def _arrived(found: Mapping[str, Any]) -> Arrived:
    return Arrived(
        at=datetime.fromtimestamp(found["at"], UTC),
        to=found["to"],
        sender=found["from"],
        return_path=found["return_path"],
        subject=found["subject"],
        text=found["text"],
        files=tuple(found["files"]),
    )


def _bubble(found: Mapping[str, Any]) -> Bubble:
    return Bubble(
        account=found["account"],
        id=found["id"],
        number=found["number"],
        other=found["other"],
        text=found["text"],
        at=found["at"],
        is_from_phone=found["direction"] == "from_phone",
        state=found.get("state", ""),
        reference=found.get("reference", ""),
    )
