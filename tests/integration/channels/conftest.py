"""A workspace with an e-mail account at a mail server on loopback."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from tests.support.mail_server import LOGIN, PASSWORD, Box, mail_server
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.channels import accounts, mailing
from gatepost.channels.base import Excluded, Order, Piece
from gatepost.channels.mail import Email
from gatepost.channels.models import EmailAccount, Mail


class NobodyStops:
    """What a job knows when nobody wants to stop it."""

    def check(self) -> None:
        return None


@pytest.fixture(autouse=True)
def _on_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings, "FILES_DIR", tmp_path / "files")
    monkeypatch.setitem(settings.CONFIG, "EGRESS_ALLOW", ("127.0.0.0/8",))
    monkeypatch.setitem(settings.CONFIG, "PUBLIC_URL", "https://gp.example")
    # On a busy machine few mails leave in the time that an account has.
    monkeypatch.setattr(mailing, "SLICE_S", 120.0)
    yield
    for line in mailing._KEPT.values():
        line.backend.hang_up()
    mailing._KEPT.clear()


@pytest.fixture
def box() -> Iterator[Box]:
    with mail_server() as running:
        yield running


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


def settings_of(box: Box, **more: Any) -> dict[str, Any]:
    usual = {"host": "127.0.0.1", "port": box.port, "tls": "none", "login": LOGIN, "password": PASSWORD}
    return {**usual, "from_address": "news@north.example", "from_name": "North", **more}


@pytest.fixture
def account(north: Tenant, box: Box) -> EmailAccount:
    return accounts.create_account([north.workspace], "Mail", settings_of(box), actor=ACTOR)


Post = Callable[..., list[Mail]]


@pytest.fixture
def post(north: Tenant) -> Post:
    """`post(addresses)`: mails to these that wait; `order` and `piece` change what all have in common."""

    def given(*addresses: str, order: dict[str, Any] | None = None, **piece: Any) -> list[Mail]:
        said = {"text": "Hello", "subject": "News", **piece}
        pieces = [Piece(0, address, **said) for address in addresses]
        posted = Email().post(Order(north.workspace.pk, **(order or {})), pieces)
        assert not any(isinstance(one, Excluded) for one in posted), posted
        found = Mail.objects.in_bulk([one for one in posted if isinstance(one, int)])
        return [found[one] for one in posted if isinstance(one, int)]

    return given


def run(account: EmailAccount) -> None:
    mailing.run(NobodyStops(), account.pk)  # type: ignore[arg-type]


def states(mails: list[Mail]) -> list[str]:
    found = Mail.objects.in_bulk([mail.pk for mail in mails])
    return [found[mail.pk].state for mail in mails]
