"""What came in from handsets, and files that must not harm who looks at them."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from tests.support.acme import Acme
from tests.support.sending import NASTY, a_message, has_no_markup_of
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost import urls
from gatepost.gateways import services
from gatepost.gateways.models import Gateway
from gatepost.inbox.models import InboundMedia, InboundMessage
from gatepost.inbox.views import PICTURES
from gatepost.sms.ids import to_ref
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"


@pytest.fixture
def north(acme: Acme) -> Tenant:
    return tenant("North")


@pytest.fixture
def gateway(north: Tenant, acme: Acme) -> Gateway:
    return services.create_gateway([north.workspace], acme.slug, "Acme main", acme.settings(), actor=ACTOR)


def came_in(owner: Tenant, gateway: Gateway, **more: Any) -> InboundMessage:
    values = {"sender": "48600100200", "recipient": "48732100100", "text": "Hello", "dedupe_key": str(more)}
    return InboundMessage.objects.create(gateway=gateway, workspace=owner.workspace, **(values | more))


def a_file(message: InboundMessage, body: bytes, **more: Any) -> InboundMedia:
    return InboundMedia.objects.create(message=message, body=body, **more)


def page(owner: Tenant, role: Role = Role.VIEWER) -> str:
    return owner.console(role).get(reverse("inbound", args=[owner.workspace.pk])).content.decode()


def fetch(owner: Tenant, name: str, media: InboundMedia) -> Any:
    return owner.console(Role.VIEWER).get(reverse(name, args=[owner.workspace.pk, media.pk]))


def test_what_came_in_is_listed_with_what_it_answers(north: Tenant, gateway: Gateway) -> None:
    asked = a_message(north.workspace, gateway)
    came_in(north, gateway, answers_message_id=asked.pk)
    came_in(north, gateway, kind="mms", sender="60123", text="A short code")
    shown = page(north, Role.SENDER)
    assert "[SMS]" in shown
    assert "[MMS]" in shown
    assert to_ref(asked.pk) in shown
    assert f"?to=%2B48600100200&amp;gateway={gateway.pk}" in shown
    assert shown.count("Reply<") == 1, "a short code cannot be written to"
    assert "Reply<" not in page(north, Role.VIEWER)


def test_nobody_has_written_yet(north: Tenant) -> None:
    assert "Nobody has written yet" in page(north)


def test_strangers_see_neither_texts_nor_files_nor_what_was_answered(north: Tenant, gateway: Gateway) -> None:
    south = tenant("South")
    file = a_file(came_in(north, gateway, text="A secret of North"), PICTURES[0][0] + b"rest")
    theirs = a_message(north.workspace, gateway)
    came_in(south, gateway, answers_message_id=theirs.pk, text="Mine")
    shown = page(south)
    assert "A secret of North" not in shown
    assert to_ref(theirs.pk) not in shown
    for name in ("inbound-media", "inbound-picture"):
        assert fetch(south, name, file).status_code == 404
        assert Client().get(reverse(name, args=[north.workspace.pk, file.pk])).status_code == 302


@pytest.mark.parametrize("text", NASTY)
def test_nothing_from_a_handset_becomes_markup(north: Tenant, gateway: Gateway, text: str) -> None:
    message = came_in(north, gateway, text=text, sender=text[:30], recipient=text[:30], kind="mms")
    file = a_file(message, b"x", name=text, content_type=text, url="")
    a_file(message, b"", name=text, url=f"javascript:{text}")
    assert has_no_markup_of(page(north), text)
    answer = fetch(north, "inbound-media", file)
    assert answer.status_code == 200
    assert "\n" not in answer["Content-Disposition"]


@pytest.mark.parametrize(("beginning", "kind"), PICTURES)
def test_pictures_are_shown_by_what_they_are(north: Tenant, gateway: Gateway, beginning: bytes, kind: str) -> None:
    file = a_file(came_in(north, gateway, kind="mms"), beginning + b"rest", content_type="text/html", name="a.html")
    answer = fetch(north, "inbound-picture", file)
    assert (answer.status_code, answer["Content-Type"], answer["X-Content-Type-Options"]) == (200, kind, "nosniff")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.content == beginning + b"rest"
    assert f'src="{reverse("inbound-picture", args=[north.workspace.pk, file.pk])}"' in page(north)


@pytest.mark.parametrize(
    ("name", "declared", "body"),
    [
        ("a.html", "image/png", b"<script>alert(1)</script>"),
        ("a.svg", "image/svg+xml", b"<svg onload=alert(1)>"),
        ("a.png", "image/png", b" \x89PNG\r\n\x1a\n"),
        ("a.pdf", "application/pdf", b"%PDF-1.7"),
    ],
)
def test_anything_else_is_only_for_keeping(
    north: Tenant, gateway: Gateway, name: str, declared: str, body: bytes
) -> None:
    file = a_file(came_in(north, gateway, kind="mms"), body, content_type=declared, name=name)
    assert fetch(north, "inbound-picture", file).status_code == 404
    answer = fetch(north, "inbound-media", file)
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer.content == body
    assert "<img src=" not in page(north).partition("<main")[2]


@pytest.mark.parametrize(
    "name", ["a\r\nSet-Cookie: x=1", "../../etc/passwd", 'q"uote', "żółw.png", "", "\u202egnp.exe"]
)
def test_a_files_name_does_no_harm(north: Tenant, gateway: Gateway, name: str) -> None:
    file = a_file(came_in(north, gateway, kind="mms"), b"x", name=name)
    answer = fetch(north, "inbound-media", file)
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment; filename")
    assert "Set-Cookie" not in answer.headers


def test_a_file_at_the_provider_is_named_and_not_linked(north: Tenant, gateway: Gateway) -> None:
    file = a_file(came_in(north, gateway, kind="mms"), b"", url="https://provider.example/x?<b>")
    shown = page(north)
    assert "https://provider.example/x?&lt;b&gt;" in shown
    assert 'href="https://provider' not in shown
    assert fetch(north, "inbound-media", file).status_code == 404
