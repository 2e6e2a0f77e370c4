"""A provider that exists only in tests, so that the core is tested without the name of a real one."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from gatepost.providers import base, registry
from gatepost.providers.base import Balance, Checked, Context, Flow, Gateway, MalformedAnswer, Results, call, send
from gatepost.providers.fields import (
    Choice,
    FieldError,
    Flag,
    Json,
    Lines,
    Md5,
    Number,
    Pem,
    Secret,
    Text,
    Url,
)
from gatepost.providers.manifest import Batch, Manifest, Pace, SenderRule
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Request
from gatepost.sms.outcomes import Refusal, accepted, refused

MANIFEST = Manifest(
    slug="acme",
    label="Acme SMS",
    confidence="documented",
    facts="2026-11",
    countries=("PL",),
    sign_up="https://acme.example/sign-up",
    fields=(
        Url("base_url", default="https://api.acme.example"),
        Text("login", identifier=True),
        Secret("api_key", required=True, help="Settings > API"),
        Md5("password"),
        Choice("mode", "rest", "soap"),
        Flag("test_mode"),
        Number("batch_size", default=100, min=1, max=500),
        Lines("codes"),
        Json("mapping"),
        Pem("client_pem", secret=True),
        Secret("client_pem_password"),
        Pem("ca_pem"),
    ),
    batch=Batch(500),
    pace=Pace(requests_per_second=49.0, parallel=8),
    sender=SenderRule(r"[A-Za-z0-9]{1,11}", "1 to 11 letters and digits."),
    receipts=("push", "query"),
    inbound=("sms", "mms"),
    inbound_delivery=("push",),
    await_delivery_s=30,
)
UNFIT = Manifest(
    slug="fax", label="Fax only", confidence="documented", facts="2026-11", fields=(), unfit="It sends no SMS."
)


def _submit(batch: base.Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    body = json.dumps([{"to": message.to, "text": message.text} for message in batch.messages]).encode()
    yield send(replace(_request(gw, "/send"), method="POST", body=body))
    return batch.all(accepted())


def _balance(gw: Gateway, ctx: Context) -> Flow[Balance]:
    answer = yield call(_request(gw, "/balance"), "Balance")
    try:
        return Balance(Decimal(answer.body.decode()), "PLN")
    except InvalidOperation:
        raise MalformedAnswer("the balance is no number", answer.body.decode()) from None


def _check(gw: Gateway, ctx: Context) -> Flow[Checked]:
    answer = yield call(_request(gw, "/check"), "Sign in")
    if answer.status == 401:
        return Checked("The key was refused.", outcome=refused(Refusal.AUTH, 401, "bad key"))
    return Checked("The key works.", balance=Balance(Decimal("12.50"), "PLN"))


def _request(gw: Gateway, path: str) -> Request:
    return Request("GET", gw.url(path), (("authorization", f"Bearer {gw.text('api_key')}"),))


def _prepare(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    if settings["login"] == "nobody":
        raise FieldError("login", "bad_login", "Login: nobody cannot sign in.")
    return settings


def _capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"batch": None, "inbound": ("sms",)} if settings["mode"] == "soap" else {}


ACME = Provider(MANIFEST, _submit, balance=_balance, check=_check, prepare=_prepare, capabilities=_capabilities)
FAX = Provider(UNFIT, _submit)


@dataclass(frozen=True)
class Acme:
    """What a test needs of it."""

    slug: str = "acme"
    secret: str = "canary-3f1c9b7e"

    def settings(self, **more: Any) -> dict[str, Any]:
        return {"api_key": self.secret, "login": "jan"} | more


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Acme:
    """Only the test providers exist while the test runs."""
    return _alone(monkeypatch)


@contextmanager
def only_acme() -> Iterator[Acme]:
    """The same inside a block, for what the tests of a module share."""
    with pytest.MonkeyPatch.context() as patch:
        yield _alone(patch)


def _alone(patch: pytest.MonkeyPatch) -> Acme:
    patch.setattr(registry, "all_providers", lambda: {"acme": ACME, "fax": FAX})
    return Acme()
