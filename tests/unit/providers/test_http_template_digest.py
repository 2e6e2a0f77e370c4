"""Digest by the examples of RFC 7616, section 3.9.1."""

import pytest

from gatepost.providers.kit.http_template.digest import authorization, challenge_in, read
from gatepost.providers.wire import Request, Response

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
CLIENT_NONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
REQUEST = Request("GET", "http://www.example.org/dir/index.html")


def challenge(algorithm: str, qop: str = 'qop="auth, auth-int", ') -> str:
    return f'Digest realm="http-auth@example.org", {qop}algorithm={algorithm}, nonce="{NONCE}", opaque="{OPAQUE}"'


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_answer_is_that_of_the_rfc(algorithm: str, response: str) -> None:
    found = read(challenge(algorithm))
    assert found is not None
    answer = authorization(REQUEST, found, "Mufasa", "Circle of Life", CLIENT_NONCE)
    assert answer.startswith('Digest username="Mufasa", realm="http-auth@example.org"')
    assert f'response="{response}"' in answer
    assert f'uri="/dir/index.html", response="{response}", opaque="{OPAQUE}", cnonce="{CLIENT_NONCE}"' in answer
    assert answer.endswith(f"algorithm={algorithm}, qop=auth, nc=00000001")


def test_the_strongest_challenge_is_taken() -> None:
    headers = (("www-authenticate", challenge("MD5")), ("www-authenticate", challenge("SHA-256")))
    assert challenge_in(Response(401, headers)) == challenge("SHA-256")
    joined = (("www-authenticate", f"Basic realm=x, {challenge('MD5')}, {challenge('SHA-256')}"),)
    found = read(challenge_in(Response(401, joined)))
    assert found is not None
    assert (found.algorithm, found.nonce) == ("SHA-256", NONCE)


@pytest.mark.parametrize(
    "text",
    [
        "Digest realm=x",
        challenge("SHA-512-256"),
        challenge("MD5", 'qop="auth-int", '),
    ],
)
def test_what_cannot_be_answered_is_no_challenge(text: str) -> None:
    assert challenge_in(Response(401, (("www-authenticate", text),))) == ""


def test_without_qop_the_old_form_is_answered() -> None:
    found = read(challenge("MD5", ""))
    assert found is not None
    answer = authorization(REQUEST, found, "Mufasa", "Circle of Life", CLIENT_NONCE)
    assert "cnonce" not in answer
    assert "nc=" not in answer
