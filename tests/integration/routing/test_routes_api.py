"""Rules over the API, and the way of messages under them."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from tests.support.acme import Acme
from tests.support.tenants import ACTOR, Tenant, administrator, tenant

from gatepost.gateways import deletion, services
from gatepost.gateways.models import Gateway
from gatepost.messages.models import Message
from gatepost.messages.services import accept_one
from gatepost.messages.store import Origin
from gatepost.messages.wishes import Wish
from gatepost.routing.models import Conversation, RouteRule, RoutingChange
from gatepost.workspaces.models import AuditEntry

pytestmark = pytest.mark.django_db
PATH = "/api/v1/routes"


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


@pytest.fixture
def gateways(north: Tenant, acme: Acme) -> list[Gateway]:
    return [
        services.create_gateway([north.workspace], acme.slug, name, acme.settings(), actor=ACTOR)
        for name in ("One", "Two", "Three")
    ]


def made(client: Client, *gateways: Gateway, **values: Any) -> dict[str, Any]:
    body = {"name": "A rule", "targets": [{"gateway": gateway.pk} for gateway in gateways]} | values
    answer = client.post(PATH, body, "application/json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def sent(north: Tenant, kind: str = "single", campaign: int | None = None, **wish: Any) -> Message:
    origin = Origin(north.workspace.pk, kind=kind, campaign_id=campaign)
    return Message.objects.get(pk=accept_one(origin, Wish(**({"to": "+48600100200", "text": "hello"} | wish))))


def test_a_rule_is_made_changed_and_deleted(north: Tenant, gateways: list[Gateway]) -> None:
    client = north.api()
    rule = made(
        client,
        gateways[0],
        name="  Poland ",
        prefixes=["+48", "00 48 60", "+48"],
        countries=["pl"],
        tags=["invoice"],
        weekdays=[4, 0],
        starts="22:00",
        ends="06:00",
        zone="Europe/Warsaw",
        targets=[{"gateway": gateways[0].pk, "weight": 3}, {"gateway": gateways[1].pk, "weight": 0}],
    )
    assert rule["name"] == "Poland"
    assert (rule["prefixes"], rule["countries"], rule["weekdays"]) == (["48", "4860"], ["PL"], [4, 0])
    assert rule["targets"] == [{"gateway": gateways[0].pk, "weight": 3}, {"gateway": gateways[1].pk, "weight": 0}]
    path = f"{PATH}/{rule['id']}"
    changed = client.patch(path, {"starts": None, "tags": [], "is_enabled": False}, "application/json").json()
    assert changed == rule | {"starts": None, "tags": [], "is_enabled": False, "updated_at": changed["updated_at"]}
    assert client.get(path).json() == changed
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    words = list(RoutingChange.objects.filter(kind="rule").order_by("pk").values_list("words", flat=True))
    assert words == ["The rule Poland was added.", "The rule Poland was changed.", "The rule Poland was deleted."]
    assert AuditEntry.objects.filter(action__startswith="route.").count() == 3


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"prefixes": ["abc"]}, "prefixes"),
        ({"prefixes": ["048"]}, "prefixes"),
        ({"countries": ["XX"]}, "countries"),
        ({"senders": ["x" * 21]}, "senders"),
        ({"tags": ["a\tb"]}, "tags"),
        ({"purposes": ["fun"]}, "purposes"),
        ({"zone": "Moon/Base"}, "zone"),
        ({"zone": "../etc/passwd"}, "zone"),
        ({"workspaces": [1]}, "workspaces"),
        ({"targets": [{"gateway": 2**62}]}, "targets"),
        ({"targets": []}, "targets"),
    ],
)
def test_what_does_not_fit_is_named(north: Tenant, gateways: list[Gateway], values: dict[str, Any], field: str) -> None:
    body = {"name": "A rule", "targets": [{"gateway": gateways[0].pk}]} | values
    answer = north.api().post(PATH, body, "application/json")
    assert answer.status_code == 422
    assert [error["field"].split(".")[0] for error in answer.json()["errors"]] == [field]
    assert not RouteRule.objects.exists()


def test_targets_are_named_once_and_one_has_a_weight(north: Tenant, gateways: list[Gateway]) -> None:
    for targets in ([(0, 1), (0, 1)], [(0, 0), (1, 0)]):
        pairs = [{"gateway": gateways[n].pk, "weight": weight} for n, weight in targets]
        answer = north.api().post(PATH, {"name": "A", "targets": pairs}, "application/json")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "targets")


def test_gateways_and_rules_of_others_do_not_exist(north: Tenant, gateways: list[Gateway]) -> None:
    south = tenant("South")
    refused = south.api().post(PATH, {"name": "A", "targets": [{"gateway": gateways[0].pk}]}, "application/json")
    assert refused.status_code == 422
    rule = made(north.api(), gateways[0])
    answer = south.api().post(f"{PATH}/order", {"rules": [rule["id"]]}, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "rules_changed")
    assert south.api().get(PATH).json() == {"items": []}


def test_the_order_counts_and_is_changed_as_a_whole(north: Tenant, gateways: list[Gateway]) -> None:
    client = north.api()
    first, second = (made(client, gateway, name=gateway.name)["id"] for gateway in gateways[:2])
    assert sent(north).gateway == gateways[0]
    for wrong in ([first], [first, first], [second, first, 99]):
        assert client.post(f"{PATH}/order", {"rules": wrong}, "application/json").status_code == 409
    listed = client.post(f"{PATH}/order", {"rules": [second, first]}, "application/json").json()["items"]
    assert [each["id"] for each in listed] == [second, first]
    message = sent(north)
    assert (message.gateway, message.route) == (gateways[1], f"rule:{second}")


def test_messages_go_by_tag_campaign_kind_and_sender(north: Tenant, gateways: list[Gateway]) -> None:
    client = north.api()
    one, two, three = gateways
    made(client, two, tags=["invoice"])
    made(client, three, campaigns=[77])
    made(client, two, purposes=["reply", "code"])
    made(client, one)
    assert sent(north, tag="invoice").gateway == two
    assert sent(north, tag="invoice").tag == "invoice"
    assert sent(north, campaign=77).gateway == three
    assert sent(north, kind="reply").gateway == two
    assert sent(north, priority="code").gateway == two
    assert sent(north).gateway == one
    assert sent(north, gateway=three.pk).route == "named"


def test_a_switched_off_rule_is_not_asked(north: Tenant, gateways: list[Gateway]) -> None:
    client = north.api()
    off = made(client, gateways[1], is_enabled=False)
    made(client, gateways[2])
    assert sent(north).gateway == gateways[2]
    client.patch(f"{PATH}/{off['id']}", {"is_enabled": True}, "application/json")
    assert sent(north).gateway == gateways[1]


def test_a_reply_goes_out_where_the_number_wrote_in(north: Tenant, gateways: list[Gateway]) -> None:
    made(north.api(), gateways[0])
    Conversation.objects.create(workspace=north.workspace, digits="48600100200", gateway=gateways[2])
    reply = sent(north, kind="reply")
    assert (reply.gateway, reply.route) == (gateways[2], "conversation")
    assert sent(north).gateway == gateways[0]
    services.update_gateway(gateways[2], actor=ACTOR, common_values={"is_active": False})
    assert sent(north, kind="reply").gateway == gateways[0]


def test_a_draining_gateway_takes_nothing_new(north: Tenant, gateways: list[Gateway]) -> None:
    made(north.api(), gateways[0], gateways[1])
    services.update_gateway(gateways[0], actor=ACTOR, common_values={"is_draining": True})
    assert {sent(north, to=f"+4860010020{n}").gateway for n in range(6)} == {gateways[1]}
    services.update_gateway(gateways[1], actor=ACTOR, common_values={"max_segments": 1})
    assert sent(north, text="x" * 160).gateway == gateways[1]
    answer = north.api().post(f"{PATH}/where", {"to": "+48600100200", "text": "x" * 161}, "application/json").json()
    assert answer["gateway"] is None
    # The first one that might have taken it says why it does not.
    assert answer["denied"]["code"] in ("no_route", "too_many_segments")


def test_rules_of_the_installation_come_after_those_of_the_workspace(
    north: Tenant, gateways: list[Gateway], acme: Acme
) -> None:
    south = tenant("South")
    elsewhere = services.create_gateway([south.workspace], acme.slug, "Elsewhere", acme.settings(), actor=ACTOR)
    admin = Client(headers={"X-Workspace": str(north.workspace.pk)})
    admin.force_login(administrator())
    refused = north.api().post(
        PATH, {"scope": "installation", "name": "A", "targets": [{"gateway": gateways[0].pk}]}, "application/json"
    )
    assert refused.status_code == 403
    everywhere = made(admin, gateways[1], elsewhere, name="Everywhere", scope="installation")
    made(admin, gateways[2], name="South only", scope="installation", workspaces=[south.workspace.pk])
    assert sent(north).gateway == gateways[1]
    seen = north.api().get(PATH).json()["items"]
    assert [each["name"] for each in seen] == ["Everywhere"]
    assert seen[0]["targets"] == [{"gateway": gateways[1].pk, "weight": 1}]
    path = f"{PATH}/{everywhere['id']}"
    assert north.api().patch(path, {"name": "Mine"}, "application/json").status_code == 403
    assert north.api().delete(path).status_code == 403
    assert len(admin.get(PATH).json()["items"]) == 2
    made(north.api(), gateways[0], name="Own")
    assert sent(north).gateway == gateways[0]


def test_the_installations_default_gateway(north: Tenant, gateways: list[Gateway], settings: Any) -> None:
    settings.CONFIG = settings.CONFIG | {"DEFAULT_GATEWAY": "two"}
    message = sent(north)
    assert (message.gateway, message.route) == (gateways[1], "installation")
    north.workspace.default_gateway = gateways[2]
    north.workspace.save()
    assert sent(north).gateway == gateways[2]


def test_where_would_this_message_go(north: Tenant, gateways: list[Gateway]) -> None:
    client = north.api()
    made(client, gateways[0], name="Germany", countries=["DE"])
    poland = made(client, gateways[1], gateways[2], name="Poland", countries=["PL"])
    services.update_gateway(gateways[1], actor=ACTOR, common_values={"is_active": False})
    made(client, gateways[0], name="Rest")
    before = Message.objects.count()
    answer = client.post(f"{PATH}/where", {"to": "+48600100200", "tag": "invoice"}, "application/json").json()
    assert answer["gateway"]["name"] == "Three"
    assert [(step["title"], step["outcome"]) for step in answer["steps"]] == [
        ("Rule: Germany", "unfit"),
        ("Rule: Poland", "chosen"),
        ("Rule: Rest", "unasked"),
    ]
    assert answer["steps"][0]["words"] == "Does not fit: the number is in Poland, not in Germany."
    assert answer["steps"][1]["rule"] == poland["id"]
    standings = {each["name"]: each["words"] for each in answer["gateways"]}
    assert standings == {
        "One": "No step came to it.",
        "Two": "Not chosen: it is inactive.",
        "Three": "Chosen.",
    }
    assert Message.objects.count() == before
    services.update_gateway(gateways[2], actor=ACTOR, common_values={"max_segments": 1})
    long = client.post(f"{PATH}/where", {"to": "+48600100200", "text": "a" * 161}, "application/json").json()
    words = {each["name"]: each["words"] for each in long["gateways"]}
    assert words["Three"] == "Not chosen: The text needs 2 segments; gateway Three takes at most 1."


@pytest.mark.parametrize(
    ("question", "code"),
    [({"to": "12"}, "invalid_number"), ({"to": "+48600100200", "gateway": "Nowhere"}, "unknown_gateway")],
)
def test_where_a_message_would_be_refused(
    north: Tenant, gateways: list[Gateway], question: dict[str, Any], code: str
) -> None:
    answer = north.api().post(f"{PATH}/where", question, "application/json")
    assert answer.status_code == 200
    assert (answer.json()["gateway"], answer.json()["denied"]["code"]) == (None, code)


def test_rules_let_go_of_a_gateway_that_is_deleted(north: Tenant, gateways: list[Gateway]) -> None:
    rule = made(north.api(), gateways[0], gateways[1])
    assert [effect.what for effect in deletion.affected(gateways[0])] == ["rules that lead to it"]
    services.delete_gateway(gateways[0], actor=ACTOR, is_confirmed=True)
    left = north.api().get(f"{PATH}/{rule['id']}").json()["targets"]
    assert left == [{"gateway": gateways[1].pk, "weight": 1}]


def test_what_wrote_in_is_kept_once_per_number(north: Tenant, gateways: list[Gateway]) -> None:
    from gatepost.routing.store import LAST_WROTE

    with connection.cursor() as cursor:
        for gateway in gateways[:2]:
            cursor.execute(LAST_WROTE, [north.workspace.pk, "48600100200", gateway.pk])
    assert [row.gateway for row in Conversation.objects.all()] == [gateways[1]]
