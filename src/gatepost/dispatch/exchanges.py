"""The kept exchanges of a message, as those may see them who may see the message."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.dateparse import parse_datetime

from gatepost.dispatch.models import Exchange, Submission
from gatepost.messages.models import Message
from gatepost.transport.masking import HIDDEN

CUT: Final = "… ("
"""How a body ends that was cut when it was kept."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An exchange, redacted when it was kept. `curl` repeats the request, with the secrets as shell variables.

    `answer`: the status, or why there was none.
    """

    submission: int
    title: str
    at: datetime | None
    answer: str
    total_ms: float
    request: str
    response: str
    curl: str


@dataclass(frozen=True, slots=True)
class Exchanges:
    """Those that may be shown, and how many not: their requests carried messages of other workspaces, too."""

    shown: tuple[Shown, ...]
    withheld: int


def of_message(message: Message, submissions: set[int], *, sees_all: bool) -> Exchanges:
    """The exchanges of these submissions. `sees_all`: for whom workspaces are no borders."""
    wanted = submissions | ({message.submission_id} if message.submission_id else set())
    rows = list(Exchange.objects.filter(submission_id__in=wanted).select_related("gateway").order_by("id"))
    ours = wanted if sees_all else _without_strangers(wanted, message.workspace_id)
    shown = tuple(_shown(row) for row in rows if row.submission_id in ours)
    return Exchanges(shown, len(rows) - len(shown))


def curl(trace: Mapping[str, Any]) -> str:
    """The request as a command for bash. What is hidden becomes a variable that has to be set first."""
    words = ["curl", "--globoff", "--path-as-is", "-X", _quoted(str(trace["method"])), _quoted(str(trace["url"]))]
    for name, value in trace["headers"]:
        words += ("-H", _quoted(f"{name}: {value}"))
    body = str(trace["body"])
    if body:
        words += ("--data-raw", _quoted(body))
    needs = ': "${SECRET:?}"\n' if any(HIDDEN in word for word in (trace["url"], body, str(trace["headers"]))) else ""
    note = "# the body was cut when it was kept\n" if CUT in body[-30:] and body.endswith(" bytes)") else ""
    return f"{needs}{note}{' '.join(words)}"


def _quoted(text: str) -> str:
    """For the shell, with a variable in the place of each hidden piece."""
    return '"$SECRET"'.join(shlex.quote(piece) if piece else "" for piece in text.split(HIDDEN)) or "''"


def _without_strangers(submissions: set[int], workspace_id: int) -> set[int]:
    """Those whose messages are all of this workspace. A message that is gone counts as a stranger's."""
    rows = dict(Submission.objects.filter(pk__in=submissions).values_list("pk", "message_ids"))
    every = {message_id for ids in rows.values() for message_id in ids}
    own = set(Message.objects.filter(workspace_id=workspace_id, pk__in=every).values_list("pk", flat=True))
    return {pk for pk, ids in rows.items() if own.issuperset(ids)}


def _shown(row: Exchange) -> Shown:
    trace = _without(row.trace, row.gateway.callback_token)
    status = trace["status"]
    return Shown(
        submission=row.submission_id or 0,
        title=trace["label"] or "Send",
        at=parse_datetime(trace["started_at"]),
        answer=f"HTTP status {status}" if status is not None else trace["failure"],
        total_ms=trace["total_ms"],
        request=_message_text(f"{trace['method']} {trace['url']}", trace["headers"], trace["body"]),
        response=_message_text(f"HTTP status {status}", trace["response_headers"], trace["response_body"])
        if status is not None
        else "",
        curl=curl(trace),
    )


def _without(value: Any, secret: str) -> Any:
    """Whoever knows where reports are to go could make some up: what a provider is told is not for every reader."""
    if isinstance(value, str):
        return value.replace(secret, HIDDEN)
    if isinstance(value, dict):
        return {name: _without(item, secret) for name, item in value.items()}
    return [_without(item, secret) for item in value] if isinstance(value, list) else value


def _message_text(first: str, headers: list[list[str]], body: str) -> str:
    head = "\n".join([first, *(f"{name}: {value}" for name, value in headers)])
    return f"{head}\n\n{body}" if body else head
