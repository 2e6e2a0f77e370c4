"""Every adapter meets the simulator of its provider; both were written from the same sheet, apart from each other."""

from collections.abc import Callable, Iterable
from typing import Any

import aiohttp
import pytest
from tests.integration.simulators.desk import Desk
from tests.integration.simulators.meetings import Meeting, all_meetings

from gatepost.providers import base
from gatepost.simulators.engine import Account, Report
from gatepost.simulators.faults import Faults
from gatepost.simulators.server import Server
from gatepost.sms.outcomes import Kind, Outcome, Refusal
from gatepost.sms.states import State

MEETINGS = {meeting.name: meeting for meeting in all_meetings()}


@pytest.fixture
async def desk(request: Any, receiver: Any) -> Any:
    meeting = MEETINGS[request.param]
    account = Account(
        name="account",
        slug=meeting.slug,
        options=meeting.options,
        numbers=(meeting.number,),
        delivery_s=(0.06, 0.08),
        receipt_url=receiver.url + "/cb/receipt/TOKEN",
        inbound_url=receiver.url + "/cb/inbound/TOKEN" if meeting.pushes_replies else "",
        mms_url=receiver.url + "/cb/media/TOKEN",
    )
    async with (
        Server([account], patience=0.001) as server,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        yield Desk(meeting, server, session, receiver)


def each() -> Any:
    return pytest.mark.parametrize("desk", MEETINGS, indirect=True)


def of_each(read: Callable[[Meeting], Iterable[str]]) -> Any:
    """One case per meeting and value."""
    cases = [(name, value) for name, meeting in MEETINGS.items() for value in read(meeting)]
    return pytest.mark.parametrize(("desk", "value"), cases, indirect=["desk"])


@of_each(lambda meeting: meeting.texts)
async def test_the_handset_gets_what_was_sent(desk: Desk, value: str) -> None:
    message = desk.message("ref1", value)
    results = await desk.submit(message)
    assert results["ref1"].kind is Kind.ACCEPTED, results
    (taken,) = desk.live.messages
    assert (taken.text, taken.to, taken.sender) == (value, message.to, desk.meeting.sender)


@each()
async def test_a_delivery_is_reported(desk: Desk) -> None:
    if not desk.manifest.receipts:
        pytest.skip("this gateway hears nothing of its messages")
    message = desk.message("ref1")
    final = (await desk.finals([message], await desk.submit(message)))["ref1"]
    assert final.state is State.DELIVERED


@each()
async def test_a_batch_is_matched_to_its_recipients(desk: Desk) -> None:
    if desk.manifest.batch is None:
        pytest.skip("this gateway sends one by one")
    has_one_text = "text" in desk.manifest.batch.same
    batch = [
        desk.message(f"ref{n}", "test" if has_one_text else f"test {n}", desk.meeting.phone(f"{n}200"))
        for n in range(1, 6)
    ]
    results = await desk.submit(*batch)
    assert {ref: result.kind for ref, result in results.items()} == {m.ref: Kind.ACCEPTED for m in batch}
    assert {taken.to: taken.text for taken in desk.live.messages} == {sent.to: sent.text for sent in batch}
    for sent in batch:
        taken = desk.live.find(results[sent.ref].keys[0]) if results[sent.ref].keys else None
        assert taken is None or taken.to == sent.to
    if desk.manifest.receipts:
        finals = await desk.finals(batch, results)
        assert {final.state for final in finals.values()} == {State.DELIVERED}


@of_each(lambda meeting: meeting.endings)
async def test_bad_endings_are_understood(desk: Desk, value: str) -> None:
    if not desk.manifest.receipts:
        pytest.skip("this gateway hears nothing of its messages")
    message = desk.message("ref1", to=desk.meeting.phone(value))
    final = (await desk.finals([message], await desk.submit(message)))["ref1"]
    assert final.state in desk.meeting.endings[value]


@each()
async def test_a_bad_number_is_refused(desk: Desk) -> None:
    if not desk.meeting.bad_number:
        pytest.skip("this protocol takes any number")
    results = await desk.submit(desk.message("ref1", to=desk.meeting.phone("0003")))
    assert results["ref1"].kind is Kind.REFUSED
    assert desk.live.messages == ()


@each()
async def test_a_bad_number_among_good_ones_harms_nobody(desk: Desk) -> None:
    if desk.manifest.batch is None or not desk.meeting.bad_number:
        pytest.skip("this gateway sends one by one, or takes any number")
    good = [desk.message(f"ref{n}", to=desk.meeting.phone(f"{n}200")) for n in (1, 2)]
    bad = desk.message("ref3", to=desk.meeting.phone("0003"))
    results = await desk.submit(good[0], bad, good[1])
    taken = {message.to for message in desk.live.messages}
    assert bad.to not in taken
    for message in good:
        fitting = {Kind.ACCEPTED, Kind.UNKNOWN} if message.to in taken else {Kind.NOT_SENT}
        assert results[message.ref].kind in fitting, results


@of_each(lambda meeting: meeting.refusals)
async def test_an_error_of_the_provider_is_understood(desk: Desk, value: str) -> None:
    desk.live.set_faults(Faults(refuse=value))
    outcome = (await desk.submit(desk.message("ref1")))["ref1"]
    assert desk.meeting.refusals[value] in (outcome.refusal, outcome.kind), outcome
    assert desk.live.messages == ()


@each()
async def test_wrong_credentials_are_an_auth_refusal(desk: Desk) -> None:
    desk.live.credentials = dict.fromkeys(desk.live.credentials, "changed")
    results = await desk.submit(desk.message("ref1"))
    assert desk.live.messages == ()
    if desk.meeting.tells_auth:
        assert results["ref1"].refusal is Refusal.AUTH, results
    if desk.provider.check and desk.meeting.can_check:
        checked = await desk.ask("check")
        outcome = checked if isinstance(checked, Outcome) else checked.outcome
        assert outcome is not None
        assert outcome.refusal is Refusal.AUTH, outcome


@each()
async def test_a_repeat_is_not_taken_twice_where_the_manifest_says_so(desk: Desk) -> None:
    dedupe = desk.manifest.dedupe
    if dedupe is None or not dedupe.protects(desk.gateway.settings):
        pytest.skip("this gateway does not recognise a repeat")
    message = desk.message("ref1")
    await desk.submit(message)
    again = await desk.submit(message, is_resend=True)
    assert again["ref1"].kind is Kind.ACCEPTED
    assert len(desk.live.messages) == 1


@each()
async def test_a_reply_is_read(desk: Desk) -> None:
    if not desk.manifest.inbound or not desk.meeting.reads_replies:
        pytest.skip("this gateway receives nothing")
    item = await desk.reply("Zażółć & 100%")
    assert item.sender.lstrip("+") == desk.meeting.phone()
    assert item.text == "Zażółć & 100%"
    assert item.recipient.lstrip("+") in ("", desk.meeting.number)


@each()
async def test_every_callback_is_answered_as_the_provider_wants(desk: Desk) -> None:
    if "push" not in desk.manifest.receipts:
        pytest.skip("nothing is pushed")
    message = desk.message("ref1")
    await desk.finals([message], await desk.submit(message))
    (taken,) = desk.live.messages
    ack = desk.parse(desk.receiver.calls[0]).ack
    pushes = desk.live.simulator.receipts([Report(taken, "delivered", taken.state_at)], desk.live)
    assert pushes
    assert all(push.repeats.taken(ack.status, ack.body) for push in pushes)


@each()
async def test_the_state_is_found_by_asking(desk: Desk) -> None:
    if "query" not in desk.manifest.receipts:
        pytest.skip("states cannot be asked for")
    message = desk.message("ref1")
    results = await desk.submit(message)
    await desk.finals([message], results)
    (receipt, *_) = await desk.ask("query", (desk.sent(message, results["ref1"]),))
    assert receipt.state is State.DELIVERED


@each()
async def test_balance_and_check(desk: Desk) -> None:
    if desk.provider.balance and desk.meeting.has_balance:
        found = await desk.ask("balance")
        assert isinstance(found, base.Balance), found
        assert found.amount == desk.live.balance
    if desk.provider.check:
        checked = await desk.ask("check")
        assert isinstance(checked, base.Checked), checked
        assert checked.outcome is None


@each()
async def test_a_message_is_looked_up_by_its_reference(desk: Desk) -> None:
    if desk.provider.find is None or not desk.meeting.looks_up:
        pytest.skip("messages cannot be looked up")
    message = desk.message("ref1")
    results = await desk.submit(message)
    other = desk.message("ref2", to=desk.meeting.phone("7200"))
    found = await desk.ask("find", (desk.sent(message, Outcome(Kind.UNKNOWN)), desk.sent(other, results["ref1"])))
    assert found["ref1"].seen
    assert "ref2" not in found or not found["ref2"].seen
