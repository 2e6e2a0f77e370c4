"""Which gateway a message takes, and what every step says of it."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.routing.choose import Choice, Order, Verdict, choose, named
from gatepost.routing.rules import PURPOSES, Conditions, Hours, Rule, Subject, compiled, in_order
from gatepost.routing.words import (
    BY,
    conditions_in_words,
    rule_id_of,
    step_title,
    targets_in_words,
    verdict_words,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday
WARSAW = ZoneInfo("Europe/Warsaw")


@dataclass(frozen=True)
class Way:
    id: int
    name: str
    is_draining: bool = False
    down: dict[str, str] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)


GATEWAYS = {1: Way(1, "One"), 2: Way(2, "Two"), 3: Way(3, "Three")}
MESSAGE = Subject(to="48600100200", at=NOON, workspace_id=7, sender="Acme", tag="invoice", campaign_id=5)


def rule(*targets: tuple[int, int] | int, rule_id: int = 10, only: bool = False, **conditions) -> Rule:
    pairs = [(each, 1) if isinstance(each, int) else each for each in targets]
    return compiled(rule_id, f"R{rule_id}", Conditions(**conditions), pairs, only_these=only)


def chosen(order: Order, gateways=GATEWAYS, obstacle=lambda _: "", subject=MESSAGE) -> tuple[Choice, list[Verdict]]:
    verdicts: list[Verdict] = []
    choice = choose(subject, gateways, order, obstacle, verdicts)
    assert choice == choose(subject, gateways, order, obstacle), "who watches changes nothing"
    return choice, verdicts


class TestTheOrderOfSteps:
    def test_the_first_rule_that_fits(self):
        rules = (rule(1, prefixes=("49",)), rule(2, rule_id=11), rule(3, rule_id=12))
        choice, verdicts = chosen(Order(rules, default_id=3))
        assert (choice.gateway_id, choice.by) == (2, "rule:11")
        assert [verdict.mismatch for verdict in verdicts] == ["prefixes", "", "", ""]
        assert [verdict.is_reached for verdict in verdicts] == [True, True, False, False]

    def test_the_defaults_come_last(self):
        no = rule(1, prefixes=("49",))
        assert chosen(Order((no,), default_id=2, installation_id=3))[0] == Choice(2, "default")
        assert chosen(Order((no,), installation_id=3))[0] == Choice(3, "installation")
        assert chosen(Order((no,)), {1: GATEWAYS[1]})[0] == Choice(1, "only")

    def test_the_conversation_comes_first(self):
        assert chosen(Order((rule(1),), conversation_id=2))[0] == Choice(2, "conversation")
        assert chosen(Order((rule(1),), conversation_id=9))[0].gateway_id == 1

    def test_nothing_fits(self):
        assert chosen(Order(), {})[0].code == "no_gateway"
        assert chosen(Order())[0].code == "no_default_gateway"
        assert chosen(Order(default_id=9))[0].code == "no_default_gateway"

    def test_a_rule_may_be_the_last_word(self):
        rules = (rule(1, only=True), rule(2, rule_id=11))
        gateways = GATEWAYS | {1: Way(1, "One", is_draining=True)}
        choice, verdicts = chosen(Order(rules, default_id=3), gateways)
        assert (choice.gateway_id, choice.code) == (None, "no_route")
        assert "R10" in choice.words
        assert [verdict.is_reached for verdict in verdicts] == [True, False, False]
        assert chosen(Order((replace(rules[0], only_these=False), rules[1])), gateways)[0].gateway_id == 2

    def test_a_rule_that_does_not_fit_is_not_the_last_word(self):
        rules = (rule(1, only=True, tags=frozenset({"other"})),)
        assert chosen(Order(rules, default_id=3))[0].gateway_id == 3


class TestGatewaysThatArePassedOver:
    def test_draining_inactive_tried_and_unable_ones(self):
        gateways = {1: Way(1, "One", is_draining=True), 2: Way(2, "Two"), 3: Way(3, "Three"), 4: Way(4, "Four")}
        order = Order((rule((1, 9), (5, 8), (2, 7), (3, 0), (4, 0)),), tried={2}, absent={5: "it is inactive"})
        choice, [verdict] = chosen(order, gateways, lambda gateway: "too long" if gateway.id == 3 else "")
        assert choice == Choice(4, "rule:10")
        why = {passed.gateway_id: passed.why for passed in verdict.gateways}
        assert "drained" in why[1]
        assert "before" in why[2]
        assert why | {1: "", 2: ""} == {1: "", 5: "it is inactive", 2: "", 3: "too long", 4: ""}

    def test_down_ones_as_long_as_there_is_another(self):
        gateways = GATEWAYS | {1: Way(1, "One", down={"": "refused connections"})}
        assert chosen(Order((rule((1, 5), (2, 0)),)), gateways)[0] == Choice(2, "rule:10")
        assert chosen(Order((rule(1),), default_id=3), gateways)[0] == Choice(3, "default")
        waits = chosen(Order((rule(1, only=True),), default_id=3), gateways)[0]
        assert waits == Choice(1, "rule:10", is_last_resort=True)

    def test_down_in_one_country(self):
        gateways = GATEWAYS | {1: Way(1, "One", down={"DE": "nothing arrives"})}
        order = Order((rule(1),), default_id=2)
        assert chosen(order, gateways)[0].gateway_id == 1
        german = msgspec.structs.replace(MESSAGE, to="4915112345678")
        assert chosen(order, gateways, subject=german)[0].gateway_id == 2

    def test_whoever_could_not_take_it_first_says_why(self):
        choice, _ = chosen(Order((rule(2),), default_id=1), obstacle=lambda gateway: f"no {gateway.name}")
        assert (choice.code, choice.refused) == ("no_route", 2)


class TestTheNamedGateway:
    GATEWAYS = {1: Way(1, "One"), 2: Way(2, "1"), 3: Way(3, "Last", is_draining=True)}

    @pytest.mark.parametrize(("wanted", "found"), [("one", 1), (1, 1), (2, 2), ("2", 2)])
    def test_by_name_or_number(self, wanted, found):
        assert named(wanted, self.GATEWAYS) == Choice(found, "named")

    @pytest.mark.parametrize(
        ("wanted", "code"),
        [
            ("1", "ambiguous_gateway"),
            ("nowhere", "unknown_gateway"),
            (9, "unknown_gateway"),
            ("last", "gateway_draining"),
            (3, "gateway_draining"),
        ],
    )
    def test_refusals(self, wanted, code):
        choice = named(wanted, self.GATEWAYS)
        assert (choice.gateway_id, choice.code) == (None, code)
        assert choice.words


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "fits", "fails"),
        [
            ("prefixes", ("49", "4860"), ("49", "61")),
            ("countries", frozenset({"PL", "DE"}), frozenset({"DE"})),
            ("senders", frozenset({"Acme"}), frozenset({"acme"})),
            ("tags", frozenset({"invoice"}), frozenset({"offer"})),
            ("purposes", frozenset({"single"}), frozenset({"code", "mass"})),
            ("purposes", frozenset({"normal"}), frozenset({"bulk"})),
            ("campaigns", frozenset({5}), frozenset({6})),
            ("workspaces", frozenset({7}), frozenset({8})),
            ("hours", Hours(WARSAW, starts=time(13)), Hours(WARSAW, ends=time(13))),
        ],
    )
    def test_each_holds_or_does_not(self, condition, fits, fails):
        assert rule(1, **{condition: fits}).mismatch(MESSAGE) == ""
        unfit = rule(1, **{condition: fails})
        assert unfit.mismatch(MESSAGE) == condition
        [verdict] = chosen(Order((unfit,)), {9: Way(9, "Nine"), 8: Way(8, "Eight")})[1]
        assert verdict_words(verdict, MESSAGE).startswith("Does not fit: ")
        assert conditions_in_words(unfit.conditions)

    @pytest.mark.parametrize(
        ("at", "holds"),
        [
            ("2026-11-20 21:59", False),
            ("2026-11-20 22:00", True),
            ("2026-11-21 05:59", True),
            ("2026-11-21 06:00", False),
            ("2026-11-21 22:30", False),
            ("2026-11-20 01:00", False),
        ],
    )
    def test_a_night_belongs_to_the_day_on_which_it_begins(self, at, holds):
        friday_night = Hours(WARSAW, frozenset({4}), time(22), time(6))
        assert friday_night.hold(datetime.fromisoformat(at).replace(tzinfo=WARSAW)) is holds

    def test_whole_days(self):
        weekend = Hours(WARSAW, frozenset({5, 6}))
        assert weekend.hold(datetime(2026, 11, 20, 23, 30, tzinfo=UTC))
        assert not weekend.hold(NOON)

    def test_the_clock_follows_the_zone_through_the_year(self):
        morning = Hours(WARSAW, starts=time(8), ends=time(9))
        assert morning.hold(datetime(2026, 1, 15, 7, 30, tzinfo=UTC))
        assert morning.hold(datetime(2026, 7, 15, 6, 30, tzinfo=UTC))
        assert not morning.hold(datetime(2026, 7, 15, 7, 30, tzinfo=UTC))


class TestWeights:
    @given(st.text("0123456789", min_size=8, max_size=15))
    def test_the_same_number_always_goes_the_same_way(self, number):
        targets = ((1, 3), (2, 5), (3, 2), (4, 0))
        order = in_order(targets, number)
        assert order == in_order(tuple(reversed(targets)), number)
        assert sorted(order) == [1, 2, 3, 4]
        assert order[-1] == 4
        assert in_order(((1, 3), (3, 2), (4, 0)), number) == [each for each in order if each != 2]

    def test_shares_follow_the_weights(self):
        found = Counter(in_order(((1, 70), (2, 20), (3, 10)), f"4860{n:07d}")[0] for n in range(4000))
        assert found[1] / 4000 == pytest.approx(0.7, abs=0.03)
        assert found[2] / 4000 == pytest.approx(0.2, abs=0.03)
        assert found[3] / 4000 == pytest.approx(0.1, abs=0.03)


class TestWords:
    def test_shares_and_stand_ins(self):
        shares = targets_in_words(rule((1, 3), (2, 1), (9, 0)), {1: "One", 2: "Two"})
        assert shares == ["One 75 %", "Two 25 %", "a gateway of other workspaces, if none of the others can"]
        assert targets_in_words(rule(1), {1: "One"}) == ["One"]

    def test_every_step_has_a_title(self):
        _, verdicts = chosen(Order((rule(9),), default_id=8, installation_id=8, conversation_id=8))
        titles = [step_title(verdict) for verdict in verdicts]
        assert titles == [BY["conversation"], "Rule: R10", BY["default"], BY["installation"]]
        assert all(verdict_words(verdict, MESSAGE) for verdict in verdicts)

    def test_a_long_list_is_cut(self):
        [words] = conditions_in_words(Conditions(prefixes=tuple(str(n) for n in range(10, 30))))
        assert words.endswith("or 12 more")

    def test_what_is_kept_with_a_message_leads_to_its_rule(self):
        assert rule_id_of("rule:12") == 12
        assert [rule_id_of(other) for other in ("default", "", "rule:", "rule:x")] == [None] * 4

    def test_purposes_are_priorities_and_kinds(self):
        from gatepost.messages.models import Kind
        from gatepost.messages.wishes import LANES

        assert set(PURPOSES) == set(LANES) | set(Kind.values)
