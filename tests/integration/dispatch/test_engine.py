"""The way of a message from the queue to its outcome."""

from gatepost.sms.ids import to_ref


async def test_accepted_messages_reach_the_provider_once_and_are_submitted(engine):
    ids = await engine.accept(250)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    assert sorted(engine.accepted_ids()) == sorted(ids)
    assert engine.rows("select count(*) from outbox") == [(0,)]
    assert engine.rows("select count(*) from submission where done_at is null") == [(0,)]
    assert engine.rows("select provider_ref from message where id = %s", ids[0]) == [(f"id-{to_ref(ids[0])}",)]
