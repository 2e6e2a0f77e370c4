"""The requests and answers of a message, as those may see them who may see the message: kept, else made again."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.utils.dateparse import parse_datetime

from gatepost.dispatch.models import Exchange, Submission
from gatepost.dispatch.rendering import made_again
from gatepost.messages.models import Message
from gatepost.transport.masking import HIDDEN

CUT: Final = "… ("
"""How a body ends that was cut when it was kept."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An exchange without its secrets. `curl` repeats the request, with the secrets as shell variables.

    `answer`: the status, or why there was none. `note`: what to know of a request that was not kept but made again;
    without a request, why there is none.
    """

    submission: int
    title: str
    at: datetime | None
    answer: str
    total_ms: float
    request: str
    response: str
    curl: str
    note: str = ""


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
    kept = [_kept(row) for row in rows if row.submission_id in ours]
    unkept = wanted - {row.submission_id for row in rows}
    again = [_again(message, row) for row in Submission.objects.filter(pk__in=unkept).select_related("gateway")]
    shown = sorted([*kept, *again], key=lambda one: (one.submission, one.at is None))
    return Exchanges(tuple(shown), len(rows) - len(kept))


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


def _kept(row: Exchange) -> Shown:
    status = row.trace["status"]
    answer = f"HTTP status {status}" if status is not None else row.trace["failure"]
    return _shown(row.trace, row.submission_id or 0, row.gateway.callback_token, answer, row.trace["total_ms"])


def _again(message: Message, row: Submission) -> Shown:
    """Of the answer only the status was kept: it was as plain as can be."""
    trace, note = made_again(message, row)
    answer = f"HTTP status {row.status}" if row.status else row.cause or "no answer yet"
    if trace is None:
        return Shown(row.pk, "Send", row.intent_at, answer, row.latency_ms or 0, "", "", "", note)
    shown = _shown(trace, row.pk, row.gateway.callback_token, answer, row.latency_ms or 0)
    return replace(shown, note=f"Not kept, but made once more from the settings of that time. {note}".strip())


def _shown(trace: dict[str, Any], submission: int, token: str, answer: str, total_ms: float) -> Shown:
    trace = _without(trace, token)
    status = trace["status"]
    return Shown(
        submission=submission,
        title=trace["label"] or "Send",
        at=parse_datetime(trace["started_at"]),
        answer=answer,
        total_ms=total_ms,
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
