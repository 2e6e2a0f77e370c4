"""What an adapter makes of an account's settings once."""

from dataclasses import replace

from gatepost.providers.base import Gateway


def test_what_is_made_once_is_kept_with_the_settings_it_was_made_of() -> None:
    made: list[int] = []
    gateway = Gateway("acme", {"token": "secret-token"})

    def make() -> int:
        made.append(1)
        return len(made)

    assert [gateway.once("plan", make), gateway.once("plan", make), gateway.once("other", make)] == [1, 1, 2]
    assert replace(gateway, settings={"token": "other"}).once("plan", make) == 3
    assert gateway == Gateway("acme", {"token": "secret-token"})
    assert "secret" not in repr(gateway)
