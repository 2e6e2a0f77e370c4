"""What is done to many contacts at once: asked first, and done to those who were asked for."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from tests.support.tenants import ACTOR, Tenant

from gatepost import urls
from gatepost.audience import contacts
from gatepost.audience.models import Contact, Label, Segment
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"


@pytest.fixture
def sender(north: Tenant) -> Client:
    return north.console(Role.SENDER)


@pytest.fixture
def old(north: Tenant) -> Label:
    """A tag that one of two contacts has."""
    contacts.create(north.workspace, {"login": "ann", "tags": ["Old"]}, actor=ACTOR)
    contacts.create(north.workspace, {"login": "bob"}, actor=ACTOR)
    return Label.objects.get()


def post(client: Client, north: Tenant, **said: Any) -> Any:
    return client.post(reverse("contacts-actions", kwargs={"workspace": north.workspace.pk}), said, follow=True)


def logins() -> set[str]:
    return set(Contact.objects.values_list("login", flat=True))


def test_all_that_fit_are_deleted_once_that_is_confirmed(north: Tenant, sender: Client, old: Label) -> None:
    said = {"all": "yes", "tags": old.pk, "action": "delete"}
    question = post(sender, north, **said).content.decode()
    assert "Delete 1 contact?" in question
    assert 'name="confirmed" value="1"' in question
    assert f'name="tags" value="{old.pk}"' in question
    assert logins() == {"ann", "bob"}
    assert "1 deleted." in post(sender, north, **said, confirmed=1).content.decode()
    assert logins() == {"bob"}


@pytest.mark.parametrize("what", ["tags", "segment"])
def test_a_filter_that_went_meanwhile_never_means_everybody(
    north: Tenant, sender: Client, old: Label, what: str
) -> None:
    segment = Segment.objects.create(workspace=north.workspace, name="Old", filter={"field": "tags", "value": "Old"})
    chosen = {"tags": old.pk, "segment": segment.pk}[what]
    old.delete()
    if what == "segment":
        # The one that is still there names a tag that is not.
        answer = post(sender, north, all="yes", segment=chosen, action="delete", confirmed=1)
        assert "does not fit any more" in answer.content.decode()
        segment.delete()
    for confirmed in ({}, {"confirmed": 1}, {"confirmed": 2}):
        answer = post(sender, north, **{"all": "yes", what: chosen, "action": "delete"}, **confirmed)
        assert "is not there any more. Nothing was done." in answer.content.decode()
    assert logins() == {"ann", "bob"}
    keep = reverse("segment-save", kwargs={"workspace": north.workspace.pk})
    before = Segment.objects.count()
    assert "Nothing was done" in sender.post(keep, {what: chosen, "name": "New"}, follow=True).content.decode()
    assert Segment.objects.count() == before


@pytest.mark.parametrize("confirmed", ["1", "3", "yes"])
def test_where_they_are_more_or_fewer_than_confirmed_it_is_asked_again(
    north: Tenant, sender: Client, old: Label, confirmed: str
) -> None:
    answer = post(sender, north, all="yes", action="delete", confirmed=confirmed).content.decode()
    assert "Delete 2 contacts?" in answer
    assert "They are not as many as before." in answer
    assert logins() == {"ann", "bob"}
