"""A provider that has forgotten our session: one new sign-in, and nothing is sent twice."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from tests.integration.simulators.desk import Desk
from tests.integration.simulators.meetings import all_meetings

from gatepost.simulators.engine import Account
from gatepost.simulators.server import Server
from gatepost.sms.outcomes import Kind, Refusal

MEETINGS = {meeting.name: meeting for meeting in all_meetings()}
WITH_SESSIONS = ("devino-rest_v1", "smsimple", "smsimple-wrapped", "threes", "threes-soap11")


@pytest.fixture(params=WITH_SESSIONS)
async def desk(request: Any, receiver: Any) -> AsyncIterator[Desk]:
    meeting = MEETINGS[request.param]
    account = Account(name="account", slug=meeting.slug, numbers=(meeting.number,), delivery_s=(0.06, 0.08))
    async with (
        Server([account], patience=0.001) as server,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        yield Desk(meeting, server, session, receiver)


async def test_one_session_serves_many_messages(desk: Desk) -> None:
    for ref in ("ref1", "ref2", "ref3"):
        assert (await desk.submit(desk.message(ref)))[ref].kind is Kind.ACCEPTED
    assert len(desk.live.memory.sessions) == 1


async def test_a_forgotten_session_is_renewed_and_the_message_sent_once(desk: Desk) -> None:
    await desk.submit(desk.message("ref1"))
    desk.live.memory.sessions.clear()
    again = await desk.submit(desk.message("ref2", "second"))
    assert again["ref2"].kind is Kind.ACCEPTED, again
    assert [taken.text for taken in desk.live.messages] == ["test", "second"]
    assert len(desk.live.memory.sessions) == 1


async def test_credentials_that_have_changed_meanwhile_are_told(desk: Desk) -> None:
    await desk.submit(desk.message("ref1"))
    desk.live.memory.sessions.clear()
    desk.live.credentials = dict.fromkeys(desk.live.credentials, "changed")
    again = await desk.submit(desk.message("ref2"))
    assert again["ref2"].refusal is Refusal.AUTH, again
    assert len(desk.live.messages) == 1
