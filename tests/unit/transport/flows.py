"""A scripted egress and a provider made of one function, for the driver's tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gatepost.providers.base import Batch, Context, Flow, Gateway, Message, Results
from gatepost.providers.fields import Secret, Text
from gatepost.providers.manifest import Dedupe, Manifest
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Request, Response
from gatepost.transport.egress import Cause, Failure, Reply

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
BATCH = Batch((Message("r1", "48100200300", "one"), Message("r2", "48100200301", "two")))
GATEWAY = Gateway("acme", {"token": "tok-secret-1", "login": "me", "dedupe": True}, "Acme 1")
CTX = Context(NOW)
RESEND = Context(NOW, is_resend=True)
AUTH = Request("POST", "https://acme.example/auth", (("authorization", "Basic bWU6dG9rLXNlY3JldC0x"),))
SUBMIT = Request("POST", "https://acme.example/send?token=tok-secret-1", (), b'{"text": "one"}')


def ok(body: bytes = b"{}", status: int = 200, *headers: tuple[str, str]) -> Reply:
    return Reply(Response(status, headers, body), None, SUBMIT.url, 1.0, 2.0)


def failed(cause: Cause, is_sent: bool, words: str = "") -> Reply:
    return Reply(None, Failure(cause, is_sent, words), SUBMIT.url, 1.0, 2.0)


@dataclass
class ScriptedEgress:
    """Answers in the order given; a callable is called with the request. Runs `before_write` as a client must."""

    replies: list[Any]
    asked: list[Request] = field(default_factory=list)
    deadlines: list[float | None] = field(default_factory=list)

    async def exchange(
        self, request: Request, *, deadline: float | None = None, before_write: Callable[[], None] | None = None
    ) -> Reply:
        self.asked.append(request)
        self.deadlines.append(deadline)
        reply = self.replies.pop(0)
        if before_write is not None:
            try:
                before_write()
            except Exception as refusal:
                return failed(Cause.ABORTED, False, str(refusal))
        if isinstance(reply, Exception):
            raise reply
        if callable(reply):
            reply = await reply()
        assert isinstance(reply, Reply)
        return reply


Submit = Callable[[Batch, Gateway, Context], Flow[Results]]


def a_provider(
    submit: Submit,
    *,
    dedupe: Dedupe | None = None,
    unprocessed_statuses: Sequence[int] = (),
    capabilities: Callable[[Any], Any] | None = None,
) -> Provider:
    manifest = Manifest(
        slug="acme",
        label="Acme",
        confidence="documented",
        facts="2026-11",
        fields=(Text("login"), Secret("token")),
        dedupe=dedupe,
        unprocessed_statuses=tuple(unprocessed_statuses),
    )
    return Provider(manifest, submit, capabilities=capabilities)
