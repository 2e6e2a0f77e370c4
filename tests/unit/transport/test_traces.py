"""What may be stored and shown of an exchange, and the same as a command."""

import json
import subprocess
from base64 import b64encode
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.transport.flows import NOW, SUBMIT, failed, ok

from gatepost.providers.wire import Headers, Request
from gatepost.transport.egress import Cause, Reply
from gatepost.transport.masking import HIDDEN
from gatepost.transport.traces import EXCERPT, Exchange, Secrets, as_curl, decode, mask_message, redact

SECRET = "p@ss w/ord+1"


def exchange(request: Request, reply: Reply | None = None, *secrets: object) -> Exchange:
    return Exchange("send", True, NOW, request, reply or replace(ok(), url=request.url), Secrets(secrets))


def test_a_trace_shows_all_but_the_secrets() -> None:
    request = Request(
        "POST",
        f"https://acme.example/send?pw={quote(SECRET, safe='')}&to=48100",
        (
            ("Authorization", "Basic " + b64encode(f"me:{SECRET}".encode()).decode()),
            ("X-Api-Key", "unknown to us"),
            ("Content-Type", "application/json"),
            ("X-Note", f"has {SECRET} in it"),
        ),
        json.dumps({"password": SECRET, "text": "hello"}).encode(),
    )
    reply = replace(ok(f"bad password {SECRET}".encode(), 401, ("set-cookie", "sid=1"), ("x-id", "7")), url=request.url)
    trace = redact(exchange(request, reply, SECRET))
    assert trace.url == f"https://acme.example/send?pw={HIDDEN}&to=48100"
    assert trace.headers == (
        ("Authorization", f"Basic {HIDDEN}"),
        ("X-Api-Key", HIDDEN),
        ("Content-Type", "application/json"),
        ("X-Note", f"has {HIDDEN} in it"),
    )
    assert trace.body == json.dumps({"password": HIDDEN, "text": "hello"}, ensure_ascii=False)
    assert (trace.status, trace.failure, trace.is_sent) == (401, "", True)
    assert trace.response_headers == (("set-cookie", HIDDEN), ("x-id", "7"))
    assert trace.response_body == f"bad password {HIDDEN}"


def test_a_failure_is_told_in_words() -> None:
    trace = redact(exchange(SUBMIT, failed(Cause.TLS, False, "certificate has expired"), "tok-secret-1"))
    assert (trace.status, trace.failure, trace.is_sent) == (None, "TLS failed: certificate has expired", False)
    assert redact(exchange(SUBMIT, failed(Cause.LOST, True))).failure == "connection lost"


@pytest.mark.parametrize("place", [0, EXCERPT - 6, EXCERPT - 1, EXCERPT + 3])
def test_a_secret_at_the_cut_does_not_survive_in_part(place: int) -> None:
    body = ("." * place + SECRET + "." * 9000).encode()
    trace = redact(exchange(SUBMIT, ok(body), SECRET))
    assert "p@ss" not in trace.response_body
    assert len(trace.response_body) < EXCERPT + 30
    assert trace.response_body.endswith(f"({len(body)} bytes)")


def test_secrets_that_become_known_later_are_hidden_in_earlier_exchanges() -> None:
    secrets = Secrets()
    first = Exchange("sign in", False, NOW, SUBMIT, ok(b'{"token": "fresh-token"}'), secrets)
    assert "fresh-token" in first.trace().response_body
    secrets.add({"session": ["fresh-token", b"other"]}, 7, None)
    assert secrets.texts == ["fresh-token", "other"]
    assert first.trace().response_body == f'{{"token": "{HIDDEN}"}}'


def test_no_repr_shows_what_is_inside() -> None:
    one = exchange(SUBMIT, ok(b"body"), "tok-secret-1")
    assert "tok-secret-1" not in repr(one) + repr(one.secrets) + repr(one.request)


def test_logs_get_neither_text_nor_number() -> None:
    request = replace(SUBMIT, url="https://acme.example/?to=48600100200&m=Hi%20there%21", body=b'{"text":"Hi there!"}')
    reply = replace(ok(b"sent Hi there! to +48600100200"), url=request.url)
    trace = mask_message(redact(exchange(request, reply)), ["Hi there!"], ["48600100200"])
    assert trace.url == "https://acme.example/?to=4860•••••200&m=[text]"
    assert trace.body == '{"text":"[text]"}'
    assert trace.response_body == "sent [text] to +4860•••••200"


def test_bytes_become_text_for_people() -> None:
    assert decode("zażółć".encode()) == "zażółć"
    assert decode("zażółć".encode()[:-1]) == "zażół"
    assert decode(b"caf\xe9 x") == "café x"
    assert decode(b"") == ""


STUB = 'curl() { printf "%s\\0" "$@"; }\n'


def run(command: str, variables: dict[str, str]) -> list[bytes]:
    """What bash would hand to curl."""
    done = subprocess.run(
        ["bash", "-c", STUB + command],
        env={**variables, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    return done.stdout.split(b"\0")[:-1]


def test_the_command_repeats_the_request_once_its_variables_are_set() -> None:
    token, basic = "tok$`\"'1", b64encode(b"me:pw").decode()
    request = Request(
        "PUT",
        "https://acme.example/a?k=tok%24%60%22%271&x=[1]",
        (("Authorization", f"Basic {basic}"), ("X-Key", token), ("X-Plain", "it's $HOME"), ("Cookie", "sid=5")),
        f'{{"t": "it\'s {token} \\n"}}'.encode(),
    )
    names = {token: "TOKEN", basic: "BASIC", "tok%24%60%22%271": "TOKEN_IN_URL", "sid=5": "COOKIE"}
    command = as_curl(exchange(request, None, token), names)
    assert "tok$" not in command
    assert basic not in command
    assert ': "${TOKEN:?}"' in command
    values = {name: value for value, name in names.items()}
    arguments = run(command, values)
    headers = [f"{name}: {value}".encode() for name, value in request.headers]
    assert arguments[:5] == [b"--globoff", b"--path-as-is", b"-X", b"PUT", request.url.encode()]
    assert [arguments[i + 1] for i, word in enumerate(arguments) if word == b"-H"] == headers
    assert arguments[-2:] == [b"--data-raw", request.body]


def test_a_missing_variable_stops_the_command() -> None:
    command = as_curl(exchange(replace(SUBMIT, headers=(("Authorization", "Bearer abc"),))))
    with pytest.raises(subprocess.CalledProcessError):
        run(command, {})


header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["X-A", "X-B"]), header_values), max_size=3),
    st.one_of(
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")),
        st.binary().filter(lambda b: b"\0" not in b),
    ),
)
def test_quoting_is_exact_for_any_header_and_body(headers: list[tuple[str, str]], body: str | bytes) -> None:
    raw = body.encode() if isinstance(body, str) else body
    request = Request("POST", "https://acme.example/", tuple(headers), raw)
    arguments = run(as_curl(exchange(request)), {})
    expected: Headers = tuple(headers)
    assert [arguments[i + 1] for i, word in enumerate(arguments[:-2] if raw else arguments) if word == b"-H"] == [
        f"{name}: {value}".encode() for name, value in expected
    ]
    if raw:
        assert arguments[-2:] == [b"--data-raw", raw]


def test_a_body_with_nul_is_left_out_aloud() -> None:
    command = as_curl(exchange(replace(SUBMIT, body=b"a\0b")))
    assert "left out" in command
    assert "--data" not in command
