"""How EAPI is asked: forms in Latin-1, answers in pipes, always with status 200."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_from_bytes

from gatepost.providers.base import Flow, Gateway, MalformedAnswer, Stop
from gatepost.providers.bulksms_eapi.tables import REFUSED
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.flows import ask as ask_for
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Outcome

# GSM letters that Latin-1 lacks travel as these bytes.
GREEK = dict(zip("ΔΦΓΛΩΠΨΣΘΞ", b"\xd0\xde\xac\xc2\xdb\xba\xdd\xca\xd4\xb1", strict=True))
ACCEPTED = ("0", "1")


def refused(response: Response) -> Outcome | None:
    """The first field decides; only its number is fixed. Another status than 200 says nothing."""
    if response.status != 200:
        raise MalformedAnswer(f"HTTP status {response.status}")
    code, words, _ = first_line(response)
    return None if code in ACCEPTED else REFUSED.outcome(code, words)


def first_line(response: Response) -> tuple[str, str, str]:
    """`code|words|rest`."""
    lines = answers.to_text(response, "latin-1").strip().splitlines()
    code, _, rest = (lines or [""])[0].partition("|")
    if not code.strip().isdecimal() or len(code) > 6:
        raise MalformedAnswer("the answer does not begin with a code", answers.excerpt((lines or [""])[0]))
    words, _, last = rest.partition("|")
    return code.strip(), words.strip(), last.strip().strip("|")


def ask(gw: Gateway, path: str, params: Mapping[str, str], label: str) -> Flow[Response]:
    answer: Response = yield from ask_for(request(gw, path, params), label, lambda response: None)
    if outcome := refused(answer):
        raise Stop(outcome)
    return answer


def request(gw: Gateway, path: str, params: Mapping[str, Any]) -> Request:
    body = "&".join(f"{name}={_quoted(value)}" for name, value in requests.present(params))
    form = ("content-type", "application/x-www-form-urlencoded")
    return Request("POST", gw.url(f"/eapi/{path}"), (form,), body.encode("ascii"))


def is_latin(text: str) -> bool:
    """Whether it can travel as 7bit: the euro sign and the like are in GSM, but not in Latin-1."""
    return all(letter in GREEK or letter <= "\xff" for letter in text)


def _quoted(value: str) -> str:
    """Latin-1, with the Greek capitals of GSM in their own bytes."""
    data = bytes(GREEK.get(letter) or letter.encode("latin-1", "replace")[0] for letter in value)
    return quote_from_bytes(data, safe="").replace("%20", "+")


def login(gw: Gateway) -> dict[str, str]:
    return {"username": gw["username"], "password": gw["password"]}
