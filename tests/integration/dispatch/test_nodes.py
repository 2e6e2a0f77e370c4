"""Who drives what, as the page and the command show it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.support.acme import Acme
from tests.support.tenants import ACTOR, administrator, tenant

from gatepost import urls
from gatepost.dispatch.models import GatewayLease, Worker
from gatepost.dispatch.nodes import nodes
from gatepost.gateways import services

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"


def test_each_gateway_stands_with_the_worker_that_holds_it(acme: Acme) -> None:
    now = timezone.now()
    owner = tenant("North")
    held, idle, lapsed = (
        services.create_gateway([owner.workspace], acme.slug, name, acme.settings(), {}, actor=ACTOR)
        for name in ("Held", "Idle", "Lapsed")
    )
    Worker.objects.create(id="a", host="one.example", pid=1, seen_at=now)
    Worker.objects.create(id="b", host="two.example", pid=2, seen_at=now - timedelta(seconds=30))
    GatewayLease.objects.create(gateway=held, worker_id="a", fence=3, expires_at=now + timedelta(seconds=4))
    GatewayLease.objects.create(gateway=lapsed, worker_id="b", fence=1, expires_at=now - timedelta(seconds=4))
    found = nodes()
    told = {node.host: (node.is_alive, [each.name for each in node.gateways]) for node in found.workers}
    assert told == {"one.example": (True, ["Held"]), "two.example": (False, [])}
    assert found.idle == [idle.name, lapsed.name]


def test_the_page_is_for_administrators_and_says_what_to_do(acme: Acme) -> None:
    client = Client()
    client.force_login(administrator())
    assert "No worker is running" in client.get(reverse("workers")).content.decode()
    Worker.objects.create(id="a", host="one.example", pid=1)
    table = client.get(reverse("workers"), headers={"HX-Request": "true"}).content.decode()
    assert "one.example" in table
    assert "or it has just started" in table
    Worker.objects.update(seen_at=timezone.now() - timedelta(seconds=30))
    assert "nothing any more" in client.get(reverse("workers")).content.decode()
    assert "<html" not in table
