"""The list of e-mail addresses that get no more mass mails: looked at, added to, shortened and exported."""

import csv
import io
import re
from typing import Any

import pytest
from django.urls import reverse
from tests.support.tenants import Tenant, tenant

from gatepost.channels import unsubscribing, views_suppressions
from gatepost.channels.models import EmailSuppression
from gatepost.workspaces.models import AuditEntry, Role

pytestmark = pytest.mark.django_db


def at(owner: Tenant, name: str = "email-suppressions", **parts: Any) -> str:
    return reverse(name, kwargs={"workspace": owner.workspace.pk, **parts})


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def listed(owner: Tenant) -> list[str]:
    return list(unsubscribing.own(owner.workspace).order_by("address").values_list("address", flat=True))


def test_addresses_are_added_and_what_is_none_stays_in_the_form(north: Tenant) -> None:
    unsubscribing.suppress(north.workspace, "ann@x.example", source="recipient", actor="recipient")
    sender = north.console(Role.SENDER)
    written = "Ann@x.example, bob@x.example;bob@X.example\nnobody cee@x.example"
    answer = sender.post(at(north), {"addresses": written})
    assert answer.status_code == 422
    assert "2 added; 1 was there already. 1 is no address, and still stands below." in words(answer)
    assert ">nobody</textarea>" in answer.content.decode()
    assert listed(north) == ["ann@x.example", "bob@x.example", "cee@x.example"]
    assert EmailSuppression.objects.get(address="ann@x.example").source == "recipient"
    assert AuditEntry.objects.get(subject="manual").detail == {"count": 2}
    again = sender.post(at(north), {"addresses": "cee@x.example"}, follow=True)
    assert "0 added; 1 was there already." in words(again)


def test_too_many_or_none_are_refused_and_kept(north: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsubscribing, "MOST_AT_ONCE", 2)
    sender = north.console(Role.SENDER)
    for written, expected in (
        (" , ", "Write one address"),
        ("a@x.example b@x.example c@x.example", "At most 2 at a time"),
    ):
        answer = sender.post(at(north), {"addresses": written})
        assert answer.status_code == 422
        assert expected in words(answer)
        assert written.strip() in answer.content.decode()
    assert listed(north) == []


def test_the_list_is_checked_paged_and_shortened(north: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views_suppressions, "PER_PAGE", 2)
    viewer, operator = north.console(Role.VIEWER), north.console(Role.OPERATOR)
    assert "Nobody has unsubscribed" in words(viewer.get(at(north)))
    for name in ("ann", "bob", "cee"):
        unsubscribing.suppress(north.workspace, f"{name}@x.example", source="recipient", actor="recipient")
    first = viewer.get(at(north))
    assert [row.address for row, _ in first.context["rows"]] == ["cee@x.example", "bob@x.example"]
    older = viewer.get(at(north), {"cursor": first.context["next_cursor"]})
    assert [row.address for row, _ in older.context["rows"]] == ["ann@x.example"]
    assert "Unsubscribed" in words(older)
    assert [row.address for row, _ in viewer.get(at(north), {"address": " BOB@"}).context["rows"]] == ["bob@x.example"]
    for absent in ("dan@x.example", "a\x00b"):
        assert "Not on the list" in words(viewer.get(at(north), {"address": absent}))
    bob = EmailSuppression.objects.get(address="bob@x.example")
    remove = at(north, "email-suppression-remove", suppression=bob.pk)
    assert north.console(Role.SENDER).post(remove).status_code == 403
    south = tenant("South")
    stranger = at(south, "email-suppression-remove", suppression=bob.pk)
    assert south.console(Role.OPERATOR).post(stranger).status_code == 404
    assert operator.post(remove).status_code == 302
    assert not unsubscribing.is_suppressed(north.workspace, "bob@x.example")
    assert listed(north) == ["ann@x.example", "cee@x.example"]


def test_the_export_holds_all_and_starts_no_formula(north: Tenant) -> None:
    unsubscribing.suppress_all(north.workspace, "=cmd@x.example ann@x.example", actor="test")
    unsubscribing.suppress(tenant("South").workspace, "south@x.example", source="recipient", actor="recipient")
    answer = north.console(Role.VIEWER).get(at(north, "email-suppressions-export"))
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [(row["address"], row["source"]) for row in rows] == [
        ("ann@x.example", "manual"),
        ("'=cmd@x.example", "manual"),
    ]
