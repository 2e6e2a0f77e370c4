"""Which e-mail addresses are taken: those that reach the mail server as they were written."""

import pytest

from gatepost.channels.addresses import BadAddress, on_wire, parse_address


@pytest.mark.parametrize("written", ["Ann.O'Neil+news@X.example", " ann@żółć.example "])
def test_what_servers_take_is_taken(written: str) -> None:
    assert parse_address(written) == written.strip().lower()


@pytest.mark.parametrize(
    "written",
    [
        "=?utf-8?q?bob?=@x.example",
        '"=?utf-8?q?=0a?="@x.example',
        '"ann b"@x.example',
        '""@x.example',
        "ann@\u2100.example",
        "żółw@x.example",
    ],
)
def test_what_would_go_elsewhere_is_refused(written: str) -> None:
    with pytest.raises(BadAddress):
        parse_address(written)


def test_servers_see_the_domain_in_ascii() -> None:
    assert on_wire("ann@żółć.example") == "ann@xn--kda4b0koi.example"
