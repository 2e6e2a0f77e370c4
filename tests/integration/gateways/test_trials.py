"""Check and balance against a real server on this machine: every step is shown, and no secret is."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from django.conf import settings
from django.test import Client
from tests.support import acme as acme_provider
from tests.support.acme import Acme
from tests.support.tenants import tenant

from gatepost.gateways import services
from gatepost.gateways.balance import run_balance
from gatepost.gateways.check import run_check
from gatepost.gateways.models import Gateway
from gatepost.problems import Problem
from gatepost.providers import registry
from gatepost.sms.outcomes import Side

pytestmark = pytest.mark.django_db


class Provider(BaseHTTPRequestHandler):
    """Answers like Acme: to one key only."""

    KEY: ClassVar[str] = Acme.secret
    BALANCE: ClassVar[bytes] = b"12.50"

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        status, body = (200, self.BALANCE) if given == f"Bearer {self.KEY}" else (401, b"bad key " + given.encode())
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output quiet."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def allowed(origin: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(settings.CONFIG, "EGRESS_ALLOW", (origin.removeprefix("http://"),))
    return origin


def test_a_check_shows_each_step_without_the_secret(acme: Acme, allowed: str) -> None:
    result = run_check(services.unsaved(acme.slug, acme.settings(base_url=allowed)))
    assert (result.ok, result.words) == (True, "The key works.")
    assert result.balance is not None
    assert result.balance.amount == Decimal("12.50")
    [step] = result.steps
    assert (step.trace.label, step.trace.method, step.trace.status) == ("Sign in", "GET", 200)
    assert step.trace.url == f"{allowed}/check"
    assert "$API_KEY" in step.curl
    assert acme.secret not in repr(result)


def test_a_refused_key_is_explained(acme: Acme, allowed: str) -> None:
    result = run_check(services.unsaved(acme.slug, acme.settings(base_url=allowed, api_key="canary-wrong")))
    assert (result.ok, result.words, result.side, result.code) == (False, "The key was refused.", Side.GATEWAY, "401")
    assert result.advice
    assert result.steps[0].trace.status == 401
    assert "canary-wrong" not in repr(result)


def test_a_place_that_cannot_be_reached_is_explained(acme: Acme, allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = "http://127.0.0.1:9"
    monkeypatch.setitem(settings.CONFIG, "EGRESS_ALLOW", ("127.0.0.1:9",))
    result = run_check(services.unsaved(acme.slug, acme.settings(base_url=closed)))
    assert (result.ok, result.side, result.code) == (False, Side.GATEWAY, "not_sent")
    assert result.words.startswith("Acme SMS was not reached: ")
    assert result.steps[0].trace.failure


def test_an_address_that_is_not_allowed_is_never_called(
    acme: Acme, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Provider, "do_GET", lambda self: asked.append(self.path))
    https = origin.replace("http://", "https://")
    result = run_check(services.unsaved(acme.slug, acme.settings(base_url=https)))
    assert (result.ok, result.code) == (False, "not_sent")
    assert asked == []


def test_a_provider_without_a_check_is_checked_by_its_balance(
    acme: Acme, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = replace(acme_provider.ACME, check=None)
    monkeypatch.setattr(registry, "all_providers", lambda: {"acme": plain})
    ready = services.unsaved(acme.slug, acme.settings(base_url=allowed))
    assert run_check(ready).words == "12.50 PLN"
    monkeypatch.setattr(registry, "all_providers", lambda: {"acme": replace(plain, balance=None)})
    for run in (run_check, run_balance):
        with pytest.raises(Problem) as caught:
            run(ready)
        assert caught.value.code == "not_supported"


def test_the_balance_is_asked_for_now(acme: Acme, allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = services.unsaved(acme.slug, acme.settings(base_url=allowed))
    result = run_balance(ready)
    assert (result.ok, result.words, result.steps[0].trace.label) == (True, "12.50 PLN", "Balance")
    monkeypatch.setattr(Provider, "BALANCE", b"<html>")
    result = run_balance(ready)
    assert (result.ok, result.side) == (False, Side.PROVIDER)
    assert result.steps[0].trace.response_body == "<html>"


def test_check_and_balance_over_the_api(acme: Acme, allowed: str) -> None:
    north = tenant("North")
    client = north.api("gateways:read", "gateways:write", "gateways:test")

    def post(path: str, body: Any) -> dict[str, Any]:
        answer = client.post(f"/api/v1{path}", json.dumps(body), "application/json")
        assert answer.status_code in (200, 201), answer.content
        assert acme.secret not in answer.content.decode()
        found: dict[str, Any] = answer.json()
        return found

    gateway = post("/gateways", {"provider": acme.slug, "name": "A", "settings": acme.settings(base_url=allowed)})
    checked = post(f"/gateways/{gateway['id']}/check", {})
    assert (checked["ok"], checked["balance"]) == (True, {"amount": "12.50", "unit": "PLN"})
    assert checked["steps"][0]["status"] == 200
    assert post(f"/gateways/{gateway['id']}/balance", {})["balance"]["amount"] == "12.50"
    form = {"provider": acme.slug, "settings": {"login": "eva"}, "gateway": gateway["id"]}
    assert post("/gateways/check", form)["ok"] is True
    form["settings"] = {"api_key": "another"}
    assert post("/gateways/check", form)["ok"] is False
    assert Gateway.objects.get().settings["login"] == "jan"


def test_saved_secrets_are_not_checked_against_another_host(acme: Acme, allowed: str) -> None:
    north = tenant("North")
    client: Client = north.api()
    saved = services.create_gateway([north.workspace], acme.slug, "A", acme.settings(), actor="test")
    form = {"provider": acme.slug, "settings": {"base_url": allowed}, "gateway": saved.pk}
    answer = client.post("/api/v1/gateways/check", json.dumps(form), "application/json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "secret_needed_again")
