"""Whether and how a message is taken."""

import re
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_network

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatepost.messages.accept import accept, numbers_of
from gatepost.messages.checks import FOR_EVER_S
from gatepost.messages.ways import Router, group_key
from gatepost.messages.wishes import LANES, Denied, GatewayFacts, Snapshot, Taken, Wish
from gatepost.problems import KINDS
from gatepost.providers.manifest import SenderRule
from gatepost.rest.storable import is_storable

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NUMBER = "48600100200"
MAIN = GatewayFacts(id=1, name="Main", is_sending=True, sender="Gate")
OTHER = GatewayFacts(id=2, name="Other", is_sending=True, days_to_expire=1)
OFFICE = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))
SNAPSHOT = Snapshot(
    workspace_id=7,
    now=NOW,
    default_country="PL",
    default_gateway_id=1,
    default_sender="Space",
    installation_sender="House",
    senders=frozenset({("Own", None), ("Space", None), ("OnlyTwo", 2)}),
    gateways={1: MAIN, 2: OTHER},
)


def taken(snapshot: Snapshot = SNAPSHOT, peer: str | None = None, **wish) -> Taken:
    [answer] = accept([Wish(**({"to": NUMBER, "text": "hello"} | wish))], snapshot, peer)
    assert isinstance(answer, Taken), answer
    return answer


def denied(snapshot: Snapshot = SNAPSHOT, peer: str | None = None, **wish) -> Denied:
    [answer] = accept([Wish(**({"to": NUMBER, "text": "hello"} | wish))], snapshot, peer)
    assert isinstance(answer, Denied), answer
    assert answer.code in KINDS
    assert answer.words
    assert answer.remedy
    return answer


def with_main(**changes) -> Snapshot:
    return replace(SNAPSHOT, gateways={1: replace(MAIN, **changes), 2: OTHER})


class TestDenials:
    @pytest.mark.parametrize(
        ("wish", "code", "field"),
        [
            ({"to": ""}, "number_empty", "to"),
            ({"to": "4" * 40}, "number_too_long", "to"),
            ({"to": "+48 12"}, "number_too_short", "to"),
            ({"to": "hello"}, "invalid_number", "to"),
            ({"text": ""}, "text_empty", "text"),
            ({"text": " \n\t "}, "text_empty", "text"),
            ({"text": "x" * 10_001}, "text_too_long", "text"),
            ({"text": "a\x00b"}, "text_has_nul", "text"),
            ({"text": "a\ud800b"}, "text_has_lone_surrogate", "text"),
            ({"gateway": "nowhere"}, "unknown_gateway", "gateway"),
            ({"client_ref": ""}, "bad_client_ref", "client_ref"),
            ({"client_ref": "x" * 101}, "bad_client_ref", "client_ref"),
            ({"client_ref": "a\nb"}, "bad_client_ref", "client_ref"),
            ({"client_ref": "\x00"}, "bad_client_ref", "client_ref"),
            ({"priority": "highest"}, "bad_priority", "priority"),
            ({"send_at": datetime(2026, 12, 1)}, "send_at_no_zone", "send_at"),  # noqa: DTZ001
            ({"send_at": NOW + timedelta(days=366, seconds=1)}, "send_at_too_far", "send_at"),
            ({"validity_s": 59}, "validity_too_short", "validity_s"),
            ({"validity_s": -1}, "validity_too_short", "validity_s"),
        ],
    )
    def test_name_the_code_and_the_field(self, wish, code, field):
        answer = denied(**wish)
        assert (answer.code, answer.field) == (code, field)

    def test_a_suppressed_number(self):
        assert denied(replace(SNAPSHOT, suppressed=frozenset({NUMBER}))).code == "suppressed"

    def test_a_number_without_a_country(self):
        assert denied(replace(SNAPSHOT, default_country=""), to="0600100200").code == "number_no_country"

    def test_no_gateway_and_no_default_one(self):
        assert denied(replace(SNAPSHOT, gateways={})).code == "no_gateway"
        assert denied(replace(SNAPSHOT, default_gateway_id=None)).code == "no_default_gateway"
        assert denied(replace(SNAPSHOT, default_gateway_id=99)).code == "no_default_gateway"

    def test_a_phone_that_is_not_verified(self):
        assert denied(with_main(verified_phones=frozenset({"48600100201"}))).code == "phone_not_verified"
        assert taken(with_main(verified_phones=frozenset({NUMBER}))).to == NUMBER

    def test_a_sender_that_is_not_verified(self):
        assert denied(with_main(verified_senders=frozenset({"Gate"}))).code == "sender_not_verified"
        assert taken(with_main(verified_senders=frozenset({"Space"}))).sender == "Space"

    def test_a_sender_that_the_provider_does_not_take(self):
        rule = SenderRule(r"\d{3,6}", "3 to 6 digits.")
        assert denied(with_main(sender_rule=rule)).remedy == "The provider takes: 3 to 6 digits."

    def test_no_sender_where_the_provider_needs_one(self):
        bare = replace(SNAPSHOT, default_sender="", installation_sender="", gateways={1: replace(MAIN, sender="")})
        assert taken(bare).sender == ""
        needy = replace(MAIN, sender="", sender_rule=SenderRule(is_required=True))
        assert denied(replace(bare, gateways={1: needy})).code == "sender_missing"

    def test_too_many_segments_with_both_numbers_and_uncut(self):
        answer = denied(with_main(max_segments=2), text="x" * 307)
        assert answer.code == "too_many_segments"
        assert "3 segments" in answer.words
        assert "at most 2" in answer.words
        assert taken(with_main(max_segments=2), text="x" * 306).segments == 2

    @pytest.mark.parametrize("peer", ["198.51.100.1", "2001:db9::1", ""])
    def test_an_address_that_may_not_use_the_gateway(self, peer):
        assert denied(with_main(send_networks=OFFICE), peer).code == "ip_not_allowed"

    @pytest.mark.parametrize("peer", ["192.0.2.9", "2001:db8::9", None])
    def test_an_address_that_may_use_it_or_none_at_all(self, peer):
        assert taken(with_main(send_networks=OFFICE), peer)

    def test_leave_the_others_alone_and_in_order(self):
        wishes = [Wish(NUMBER, "a"), Wish("", "b"), Wish(NUMBER, ""), Wish(NUMBER, "d")]
        answers = accept(wishes, SNAPSHOT)
        assert [answer.text if isinstance(answer, Taken) else answer.code for answer in answers] == [
            *("a", "number_empty", "text_empty", "d")
        ]


class TestTheSender:
    def test_is_the_messages_own_if_it_is_approved(self):
        answer = taken(sender="Own")
        assert (answer.sender, answer.sender_reason) == ("Own", "own")

    def test_is_the_workspaces_default_where_the_own_one_is_not_approved(self):
        for sender in ("", "Stranger"):
            answer = taken(sender=sender)
            assert (answer.sender, answer.sender_reason) == ("Space", "workspace")

    def test_may_be_approved_for_one_gateway_only(self):
        assert taken(sender="OnlyTwo").sender == "Space"
        assert taken(sender="OnlyTwo", gateway="Other").sender == "OnlyTwo"

    def test_is_the_gateways_where_the_workspace_has_no_approved_default(self):
        for snapshot in (replace(SNAPSHOT, default_sender=""), replace(SNAPSHOT, default_sender="Unapproved")):
            answer = taken(snapshot, sender="Stranger")
            assert (answer.sender, answer.sender_reason) == ("Gate", "gateway")

    def test_is_the_installations_where_the_gateway_has_none(self):
        answer = taken(replace(SNAPSHOT, default_sender=""), gateway="Other")
        assert (answer.sender, answer.sender_reason) == ("House", "installation")

    def test_is_left_to_the_provider_where_there_is_none(self):
        answer = taken(replace(SNAPSHOT, default_sender="", installation_sender=""), gateway="Other")
        assert (answer.sender, answer.sender_reason) == ("", "provider")


class TestTheGateway:
    def test_is_the_default_unless_the_message_names_another_by_name_or_number(self):
        assert taken().gateway_id == 1
        assert [taken(gateway=name).gateway_id for name in ("Other", "oTHER", "2")] == [2, 2, 2]

    def test_is_the_only_one_where_there_is_no_default(self):
        assert taken(replace(SNAPSHOT, default_gateway_id=None, gateways={2: OTHER})).gateway_id == 2


class TestTime:
    def test_days_to_expire_count_from_acceptance(self):
        assert taken().expires_at == NOW + timedelta(days=3)
        assert taken(gateway="Other").expires_at == NOW + timedelta(days=1)

    def test_a_validity_shortens_it_and_never_lengthens_it(self):
        assert taken(validity_s=60).expires_at == NOW + timedelta(seconds=60)
        assert taken(validity_s=10**9).expires_at == NOW + timedelta(days=3)

    def test_a_validity_beyond_all_measure_is_stored_as_a_year(self):
        assert taken(validity_s=10**30).validity_s == FOR_EVER_S

    def test_a_moment_in_the_past_means_now(self):
        long_ago = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
        answer = taken(send_at=long_ago)
        assert (answer.due_at, answer.send_at) == (NOW, NOW)

    def test_what_is_scheduled_is_due_then_and_expires_after_that(self):
        later = datetime(2026, 11, 25, 9, 0, tzinfo=timezone(timedelta(hours=-23, minutes=-30)))
        answer = taken(send_at=later)
        assert answer.due_at == answer.send_at == later
        assert answer.due_at.utcoffset() == timedelta()
        assert answer.expires_at == later + timedelta(days=3)


def test_what_is_switched_off_is_accepted_and_held():
    assert taken().held is None
    assert taken(replace(SNAPSHOT, is_sending=False)).held == "sending disabled"
    assert taken(with_main(is_sending=False)).held == "sending disabled"


def test_each_priority_has_its_lane_and_a_code_is_served_first():
    assert [taken(priority=name).lane for name in ("code", "normal", "bulk")] == [0, 1, 2]
    assert taken().lane == LANES["normal"]


class TestTheGroupKey:
    def test_is_nothing_where_nothing_or_everything_may_share_a_request(self):
        assert taken().group_key == 0
        assert group_key((), "a", "b", "gsm7", None) == 0

    @given(
        st.lists(
            st.tuples(
                st.text(max_size=3), st.text(max_size=3), st.sampled_from(["gsm7", "ucs2"]), st.none() | st.just(60)
            ),
            min_size=2,
            max_size=2,
        ),
        st.sets(st.sampled_from(["sender", "text", "encoding", "validity"]), min_size=1).map(sorted).map(tuple),
    )
    def test_is_the_same_exactly_for_what_is_alike(self, pair, same):
        names = ("sender", "text", "encoding", "validity")
        one, other = (
            {name: value for name, value in zip(names, values, strict=True) if name in same} for values in pair
        )
        keys = {group_key(same, *values) for values in pair}
        assert (len(keys) == 1) == (one == other)
        assert all(-(2**63) <= key < 2**63 for key in keys)


LINK = "https://acme.example/offers/2026/november/everything-for-the-winter"
GO = "https://go.example"
SHORT = re.compile(re.escape(f"{GO}/s/") + "([0-9A-Za-z]{9})")
SHORT_OTHER = replace(OTHER, shortens=True)
SHORTENING = replace(with_main(shortens=True, grouped_by=("text",)), link_base=GO)


class TestShortLinks:
    def test_are_written_before_segments_are_counted(self):
        for wish in ({}, {"priority": "code"}, {"gateway": "Main"}):
            answer = taken(SHORTENING, text=f"{'x' * 120} {LINK}", **wish)
            [code] = SHORT.findall(answer.text)
            assert answer.links == ((code, LINK),)
            assert (answer.segments, len(answer.text)) == (1, 121 + 30)
            assert answer.group_key == group_key(("text",), "", answer.text, "", None)

    def test_change_the_encoding_where_nothing_else_asked_for_it(self):
        answer = taken(SHORTENING, text="See https://acme.example/oferty/żółw/zima")
        assert (answer.encoding, answer.links[0][1]) == ("gsm7", "https://acme.example/oferty/%C5%BC%C3%B3%C5%82w/zima")

    def test_are_what_a_limit_of_segments_is_about(self):
        short = replace(SHORTENING, gateways={1: replace(MAIN, shortens=True, max_segments=1)})
        assert taken(short, text=f"{'x' * 120} {LINK}").segments == 1
        assert denied(replace(short, link_base=""), text=f"{'x' * 120} {LINK}").code == "too_many_segments"
        assert denied(short, text=f"{'x' * 150} {LINK}").code == "too_many_segments"

    def test_are_those_of_the_gateway_that_takes_it(self):
        for snapshot, wish in ((SHORTENING, {"gateway": "Other"}), (SNAPSHOT, {}), (with_main(shortens=True), {})):
            answer = taken(snapshot, text=LINK, **wish)
            assert (answer.text, answer.links) == (LINK, ())
        assert taken(replace(SHORTENING, gateways={1: MAIN, 2: SHORT_OTHER}), text=LINK, gateway="Other").links

    def test_are_not_for_campaigns_tests_and_what_we_send_ourselves(self):
        for kind, campaign_id, is_short in (
            *(("single", None, True), ("reply", None, True), ("single", 7, False), ("mass", 7, False)),
            *(("test", None, False), ("system", None, False)),
        ):
            [answer] = accept([Wish(NUMBER, LINK)], SHORTENING, kind=kind, campaign_id=campaign_id)
            assert isinstance(answer, Taken)
            assert bool(answer.links) == (answer.text != LINK) == is_short, kind

    def test_are_not_written_into_what_waits_already(self):
        wish = Wish(NUMBER, LINK)
        assert Router(SHORTENING).way(wish, NUMBER, 1, NOW).short
        both = replace(SHORTENING, gateways={1: MAIN, 2: SHORT_OTHER}, installation_gateway_id=2)
        way = Router(both, tried=frozenset({1})).way(wish, NUMBER, 1, NOW)
        assert (way.gateway.id, way.short) == (2, None)


ANYTHING = st.text(st.characters(codec=None), max_size=30) | st.sampled_from(
    [NUMBER, "Own", "Main", "1", "code", "\x00", "\ud800", "🙂" * 10]
)
WISHES = st.builds(
    Wish,
    to=ANYTHING | st.just(NUMBER),
    text=ANYTHING | st.text(st.characters(codec=None), max_size=400),
    sender=ANYTHING,
    gateway=st.just("") | ANYTHING,
    client_ref=st.none() | ANYTHING,
    priority=st.just("normal") | ANYTHING,
    send_at=st.none() | st.datetimes(timezones=st.none() | st.timezones() | st.just(timezone(timedelta(hours=-23)))),
    validity_s=st.none() | st.integers(),
)
SNAPSHOTS = st.sampled_from(
    [
        SNAPSHOT,
        with_main(grouped_by=("sender", "text", "encoding", "validity"), max_segments=3),
        with_main(verified_senders=frozenset(), verified_phones=frozenset({NUMBER}), send_networks=OFFICE),
        replace(SNAPSHOT, gateways={}, default_country=""),
        replace(SNAPSHOT, default_country="no such country"),
        SHORTENING,
    ]
)


@given(WISHES, SNAPSHOTS, st.sampled_from([None, "", "192.0.2.1", "2001:db8::1"]))
@example(Wish(NUMBER, "x", send_at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))), SNAPSHOT, None)
@example(Wish(NUMBER, "x", send_at=datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))), SNAPSHOT, None)
def test_every_input_is_taken_or_denied_and_what_is_taken_can_be_stored(wish, snapshot, peer):
    [answer] = accept([wish], snapshot, peer)
    numbers = numbers_of([wish], snapshot.default_country)
    assert accept([wish], snapshot, peer, numbers=numbers) == [answer]
    values = asdict(answer) if isinstance(answer, Denied) else msgspec.structs.asdict(answer)
    assert is_storable(list(values.values()))
    if isinstance(answer, Denied):
        assert answer.code in KINDS
        return
    assert answer.to.isascii()
    assert answer.to.isdigit()
    assert len(answer.to) <= 15
    assert len(answer.sender) <= 20
    assert 1 <= answer.segments < 2**15
    assert answer.validity_s is None or 60 <= answer.validity_s < 2**31
    assert NOW <= answer.due_at < answer.expires_at <= NOW + timedelta(days=370)
    assert answer.send_at in (None, answer.due_at)
    assert answer.due_at.utcoffset() == timedelta()
