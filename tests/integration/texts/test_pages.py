"""The pages of templates: nothing that was typed is lost, and a preview is for whom it was asked."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from tests.support.tenants import ACTOR, Tenant

from gatepost.texts import services
from gatepost.texts.models import Template
from gatepost.texts.services import Draft
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db

WRITTEN = {"channel": "sms", "name": "Hello", "body": "Dear %FIRST_NAME%\r\nhello", "missing": "skip"}


@pytest.fixture
def sender(north: Tenant) -> Client:
    return north.console(Role.SENDER)


def at(north: Tenant, name: str, **parts: Any) -> str:
    return reverse(name, kwargs={"workspace": north.workspace.pk, **parts})


def test_a_template_is_added_changed_and_restored(north: Tenant, sender: Client) -> None:
    assert sender.post(at(north, "template-add"), WRITTEN).status_code == 302
    row = Template.objects.get()
    assert (row.body, row.missing) == ("Dear %FIRST_NAME%\nhello", "skip")
    url = at(north, "template", template=row.pk)
    changed = WRITTEN | {"body": "Bye", "version": "1", "channel": "email"}
    assert sender.post(url, changed).status_code == 302
    assert sender.post(url, changed | {"body": "Late"}).status_code == 409
    row.refresh_from_db()
    assert (row.body, row.channel, row.version) == ("Bye", "sms", 2)
    shown = sender.get(at(north, "template-versions", template=row.pk)).content.decode()
    assert "Dear %FIRST_NAME%" in shown
    sender.post(at(north, "template-versions", template=row.pk), {"version": "1"})
    row.refresh_from_db()
    assert (row.body, row.version) == ("Dear %FIRST_NAME%\nhello", 3)
    assert sender.post(at(north, "template-delete", template=row.pk)).status_code == 302
    assert not Template.objects.exists()


def test_what_was_typed_comes_back_with_what_is_wrong_beside_it(north: Tenant, sender: Client) -> None:
    answer = sender.post(at(north, "template-add"), WRITTEN | {"name": "", "body": "Dear {{ fist_name }}"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Dear {{ fist_name }}" in text
    assert "Did you mean first_name" in text
    assert "Write a name." in sender.post(at(north, "template-add"), WRITTEN | {"name": " "}).content.decode()


def test_the_list_is_filtered(north: Tenant, sender: Client) -> None:
    for draft in (Draft("sms", "One", "a", category="News"), Draft("portal", "Two", "b<b>")):
        services.save(north.workspace, draft, actor=ACTOR)
    url = at(north, "templates")
    names = lambda query: re.findall(r"<bdi>(\w+)</bdi>", sender.get(f"{url}{query}").content.decode())  # noqa: E731
    assert names("") == ["Two", "One"]
    assert names("?channel=sms") == names("?category=News") == names("?q=ONE") == ["One"]
    assert names("?q=nothing%00") == []
    assert names("?channel=fax") == ["Two", "One"]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"who": "bakery"}, "Dear Bakery Rye"),
        ({"who": "+48 600 100 200"}, "Dear Ewa"),
        ({"pick": "longest"}, "Dear Maximilian"),
        ({"who": "nobody at all"}, "Nobody is found"),
        ({"who": "bakery", "pick": "random"}, "Dear "),
        ({"who": "bakery", "body": "{{ typo }}"}, "There is no field"),
        ({"who": "bakery", "pick": "longest", "body": "{{ typo }}"}, "There is no field"),
        ({"who": "bo", "body": "{{ email }}"}, "E-mail"),
        ({"who": "max", "body": "{{ login | plus: 1 }}"}, "It cannot be written for Maximilian"),
        ({"channel": "email", "subject": "Hello %NAME%", "who": "ewa"}, "Hello Ewa Żak"),
        ({"channel": "fax"}, "Dear "),
        ({"body": ""}, "What you write appears here"),
        ({"body": "50 € for ł", "who": "bo"}, "latin small letter l with stroke"),
    ],
)
def test_a_preview_is_for_whom_it_was_asked(north: Tenant, sender: Client, asked: dict[str, str], shown: str) -> None:
    answer = sender.post(at(north, "template-preview"), {"channel": "sms", "body": "Dear {{ first_name }}"} | asked)
    assert shown in answer.content.decode()


def test_a_preview_stays_with_the_person_while_the_text_is_written(north: Tenant, sender: Client, person: Any) -> None:
    bo = person("bo")
    for _ in range(5):
        answer = sender.post(at(north, "template-preview"), {"body": "%NAME%", "contact": bo.pk})
        assert "Bo Ek" in answer.content.decode()


def test_a_viewer_reads_templates_and_changes_nothing(north: Tenant) -> None:
    row = services.save(north.workspace, Draft("sms", "One", "a"), actor=ACTOR)
    viewer = north.console(Role.VIEWER)
    assert b"Save" not in viewer.get(at(north, "template", template=row.pk)).content.replace(b"Saved", b"")
    assert viewer.post(at(north, "template", template=row.pk), WRITTEN).status_code == 403
