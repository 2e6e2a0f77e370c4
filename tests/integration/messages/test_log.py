"""The log: which messages there are, where each stands, and what happened to it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from tests.support.acme import Acme
from tests.support.tenants import ACTOR, tenant

from gatepost.dispatch.models import Outbox, Submission
from gatepost.gateways.services import create_gateway
from gatepost.messages.log import Filters, refusal_of, search, standings, timeline
from gatepost.messages.models import Message, MessageEvent
from gatepost.sms.ids import IdSource, to_ref
from gatepost.sms.outcomes import POLICIES, Refusal
from gatepost.sms.states import WORDS, State, Word

pytestmark = pytest.mark.django_db

IDS = IdSource(9)
NOW = timezone.now()


@pytest.fixture
def workspace():
    return tenant("Log").workspace


def message(workspace, **changes):
    values = {
        "id": IDS.take()[0],
        "workspace": workspace,
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=3),
        "to_digits": "48600100200",
        "body": "hello",
        "encoding": "gsm7",
        "segments": 1,
    }
    return Message.objects.create(**(values | changes))


def waiting(workspace, *, held=None, **changes):
    """A message with its row in the queue."""
    row = message(workspace, **changes)
    Outbox.objects.create(
        message_id=row.pk,
        gateway_id=1,
        workspace_id=workspace.pk,
        lane=1,
        due_at=NOW + timedelta(hours=1),
        expires_at=row.expires_at,
        held=held,
    )
    return row


def found(workspace, **filters):
    return set(search(Message.objects.filter(workspace=workspace), Filters(**filters)))


def test_a_queued_message_waits_and_one_without_its_row_is_being_submitted(workspace):
    in_queue = waiting(workspace)
    held = waiting(workspace, held="gateway inactive")
    on_its_way = message(workspace)
    stands = standings([in_queue, held, on_its_way])
    assert [stands[row.pk].state for row in (in_queue, held, on_its_way)] == [
        *(State.QUEUED, State.QUEUED, State.SUBMITTING)
    ]
    assert stands[in_queue.pk].due_at == NOW + timedelta(hours=1)
    assert stands[held.pk].held == "gateway inactive"
    assert [stands[row.pk].word for row in (in_queue, on_its_way)] == [Word.NEW, Word.SENDING]


def test_an_unknown_message_that_is_to_be_repeated_stays_unknown_and_says_when(workspace):
    row = waiting(workspace, state="unknown")
    assert standings([row])[row.pk].state is State.UNKNOWN
    assert standings([row])[row.pk].due_at is not None


@pytest.mark.parametrize("state", [state for state in State if state not in (State.QUEUED, State.SUBMITTING)])
def test_every_other_state_is_what_is_stored(workspace, state):
    row = message(workspace, state=state.value)
    assert standings([row])[row.pk].state is state


def test_each_word_finds_exactly_the_states_that_show_it(workspace):
    rows = {state: message(workspace, state=state.value) for state in State if state is not State.SUBMITTING}
    rows[State.SUBMITTING] = rows[State.QUEUED]
    rows[State.QUEUED] = waiting(workspace)
    shown: set[Message] = set()
    for word in Word:
        wanted = {rows[state] for state, its_word in WORDS.items() if its_word is word}
        assert found(workspace, word=word) == wanted
        assert not shown & wanted
        shown |= wanted
    assert shown == found(workspace)
    for state in State:
        assert found(workspace, states=[state]) == {rows[state]}
    assert found(workspace, states=[State.QUEUED, State.SUBMITTING]) == {rows[State.QUEUED], rows[State.SUBMITTING]}


def test_the_other_filters_restrict_each_for_itself_and_together(workspace):
    # Not that of the module, which is as old as the run: ids tell when a message came, too.
    now = timezone.now()
    row = message(workspace, kind="mass", client_ref="a", campaign_id=7, to_digits="48600100201", created_at=now)
    other = message(workspace, created_at=now - timedelta(seconds=30))
    for filters in (
        {"kind": "mass"},
        {"client_ref": "a"},
        {"campaign_id": 7},
        {"to": "+48 600 100 201"},
        {"since": now},
        {"kind": "mass", "to": "48"},
    ):
        assert found(workspace, **filters) == {row}
    assert found(workspace, until=now) == {other}
    assert found(workspace, to="48") == {row, other}
    assert found(workspace, to="nobody") == set()
    assert found(workspace, kind="mass", client_ref="b") == set()
    assert found(workspace, since=now - timedelta(days=1), until=now + timedelta(days=1)) == {row, other}


def test_a_gateway_filter_finds_its_messages(workspace, acme: Acme):
    gateway = create_gateway([workspace], acme.slug, "Acme", acme.settings(), actor=ACTOR)
    row = message(workspace, gateway=gateway)
    message(workspace)
    assert found(workspace, gateway_id=gateway.pk) == {row}


def test_the_timeline_tells_everything_in_order(workspace):
    row = message(
        workspace,
        state="delivered",
        submission_id=5,
        attempts=2,
        provider_ref="p1",
        submitted_at=NOW + timedelta(seconds=3),
        sender="Acme",
        sender_reason="own",
    )
    Submission.objects.create(
        id=5,
        gateway_id=1,
        fence=1,
        message_ids=[row.pk],
        serial=1,
        settings_version=4,
        intent_at=NOW + timedelta(seconds=2),
        done_at=NOW + timedelta(seconds=3),
        status=200,
        latency_ms=12,
    )
    slower = {"words": "slow down", "submission": to_ref(4)}
    for seconds, kind, detail in ((4, "receipt", {"state": "delivered"}), (1, "throttled", slower)):
        MessageEvent.objects.create(message_id=row.pk, kind=kind, detail=detail, at=NOW + timedelta(seconds=seconds))
    moments = timeline(row)
    assert [moment.what for moment in moments] == ["accepted", "throttled", "submitting", "submitted", "receipt"]
    assert moments[0].detail == {"segments": 1, "encoding": "gsm7", "sender": "Acme", "sender_reason": "own"}
    assert moments[2].detail == {"attempt": 2, "settings_version": 4}
    assert moments[3].detail == {"status": 200, "latency_ms": 12, "provider_ref": "p1"}


def handed_over(row, number, gateway, seconds, *, done=True, **more):
    """A request with the message, so many seconds from now."""
    Submission.objects.create(
        id=number,
        gateway_id=gateway.pk,
        fence=1,
        message_ids=[row.pk],
        serial=number,
        settings_version=1,
        intent_at=NOW + timedelta(seconds=seconds),
        done_at=NOW + timedelta(seconds=seconds + 1) if done else None,
        **more,
    )


def came_to(row, number, seconds, kind):
    """What that request came to."""
    at = NOW + timedelta(seconds=seconds)
    MessageEvent.objects.create(message_id=row.pk, kind=kind, detail={"submission": to_ref(number)}, at=at)


def attempts(row):
    """What the timeline says of each hand-over and what it came to."""
    return [
        (moment.what, moment.detail.get("attempt"), moment.detail.get("gateway"))
        for moment in timeline(row)
        if moment.what != "accepted"
    ]


@pytest.fixture
def pair(workspace, acme: Acme):
    return [create_gateway([workspace], acme.slug, name, acme.settings(), actor=ACTOR) for name in ("First", "Second")]


def test_every_attempt_is_told_with_its_gateway(workspace, pair):
    first, second = pair
    row = message(workspace, gateway=second, submission_id=6, attempts=2, submitted_at=NOW, state="submitted")
    handed_over(row, 5, first, 1)
    came_to(row, 5, 2, "not_sent")
    handed_over(row, 6, second, 3)
    assert attempts(row) == [
        ("submitting", 1, "First"),
        ("not_sent", None, None),
        ("submitting", 2, "Second"),
        ("submitted", None, "Second"),
    ]


@pytest.mark.parametrize("state", ["queued", "unknown"])
def test_an_attempt_without_an_answer_yet_is_told(workspace, pair, state):
    first, _ = pair
    row = message(workspace, gateway=first, state=state)
    handed_over(row, 5, first, 1, done=False)
    handed_over(message(workspace, gateway=first), 6, first, 1, done=False)
    assert attempts(row) == [("submitting", 1, "First")]


def test_what_was_found_later_was_not_answered_then(workspace, pair):
    first, _ = pair
    row = message(workspace, gateway=first, submission_id=5, attempts=1, submitted_at=NOW, state="submitted")
    handed_over(row, 5, first, 1)
    came_to(row, 5, 2, "unknown")
    assert attempts(row) == [("submitting", 1, "First"), ("unknown", None, None)]


def test_a_request_that_was_repeated_may_be_taken_the_second_time(workspace, pair):
    first, _ = pair
    row = message(workspace, gateway=first, submission_id=5, attempts=2, submitted_at=NOW, state="submitted")
    came_to(row, 5, 2, "unknown")
    handed_over(row, 5, first, 3, is_resend=True)
    assert attempts(row) == [("unknown", None, None), ("sent again", 2, "First"), ("submitted", None, "First")]


def test_a_message_that_nothing_happened_to_has_a_timeline_of_one_line(workspace):
    assert [moment.what for moment in timeline(message(workspace))] == ["accepted"]


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_says_whose_side_it_is_on_and_what_to_do(workspace, refusal):
    row = message(workspace, state="rejected", refusal=refusal.value, code="7", words="no")
    told = refusal_of(row)
    assert told == {
        "class": refusal.value,
        "code": "7",
        "words": "no",
        "side": POLICIES[refusal].side.value,
        "advice": POLICIES[refusal].advice,
    }
    assert refusal_of(message(workspace)) is None


def test_the_log_of_a_workspace_is_found_over_an_index(workspace):
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into message (id, workspace_id, expires_at, to_digits, body, encoding, segments)
               select n, 1 + n % 50, now(), (48600000000 + n)::text, '', 'gsm7', 1 from generate_series(1, 20000) n"""
        )
        cursor.execute("analyze message")
    newest = search(Message.objects.filter(workspace_id=3), Filters()).order_by("-pk")[:50]
    by_number = search(Message.objects.filter(workspace_id=3), Filters(to="4860000"))
    by_ref = search(Message.objects.filter(workspace_id=3), Filters(client_ref="x"))
    for query in (newest, by_number, by_ref):
        assert "Seq Scan on message" not in query.explain()
