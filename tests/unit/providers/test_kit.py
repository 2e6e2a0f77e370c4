"""Tables, batches, XML, multipart, signatures and shared flows."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.providers.bench import NOW

from gatepost.providers.base import Balance, Batch, Context, Flow, Gateway, MalformedAnswer, Message, Stop, call
from gatepost.providers.kit import signatures, xml
from gatepost.providers.kit.answers import byte_pairs, form, price, some
from gatepost.providers.kit.batches import digits, match, per_message
from gatepost.providers.kit.flows import ask, check_by_balance
from gatepost.providers.kit.multipart import Part, read_multipart
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.requests import filled, get, only_for, segment
from gatepost.providers.kit.tables import RECIPIENT_THROTTLED, THROTTLED, UNCERTAIN, Refused, States, codes
from gatepost.providers.wire import RawCallback, Response
from gatepost.sms.outcomes import Kind, Price, Refusal, accepted, refused
from gatepost.sms.states import State

REFUSED = Refused(
    {
        1: (Refusal.BAD_RECIPIENT, "Bad number"),
        "Slow": (THROTTLED, "Slow down"),
        "one": (RECIPIENT_THROTTLED, "Too many to one"),
        "?": (UNCERTAIN, "Cannot say"),
    }
)
STATES = States({"Delivrd": (State.DELIVERED, "Delivered"), 5: (State.BLOCKED, "Blocked", Refusal.BLOCKED)})


@pytest.mark.parametrize("code", [1, "1", " 1 "])
def test_a_listed_code_is_refused_in_its_class(code: str | int) -> None:
    outcome = REFUSED.outcome(code)
    assert (outcome.kind, outcome.refusal, outcome.words) == (Kind.REFUSED, Refusal.BAD_RECIPIENT, "Bad number")
    assert outcome.code == str(code)
    assert code in REFUSED


def test_the_words_of_the_answer_stand_before_those_of_the_table() -> None:
    assert REFUSED.outcome(1, "No such number").words == "No such number"


def test_throttling_carries_its_wait_and_its_scope() -> None:
    slow, one = REFUSED.outcome("SLOW", retry_after_s=7.0), REFUSED.outcome("one")
    assert (slow.kind, slow.retry_after_s, slow.is_recipient_only) == (Kind.THROTTLED, 7.0, False)
    assert (one.kind, one.is_recipient_only) == (Kind.THROTTLED, True)


def test_a_code_may_say_that_nobody_knows() -> None:
    assert REFUSED.outcome("?").kind is Kind.UNKNOWN


def test_a_code_that_is_not_listed_is_permanent_or_as_the_table_says() -> None:
    assert REFUSED.outcome(99, "odd").refusal is Refusal.PERMANENT
    assert Refused({}, otherwise=Refusal.TEMPORARY).outcome(99).refusal is Refusal.TEMPORARY
    assert 99 not in REFUSED


def test_states_in_any_case_and_none_where_not_listed() -> None:
    assert STATES.state("DELIVRD") is State.DELIVERED
    assert STATES.words("delivrd") == "Delivered"
    assert STATES.refusal("delivrd") is None
    assert STATES.refusal(5) is Refusal.BLOCKED
    assert STATES.state("new") is None
    assert STATES.words("new") == ""
    assert STATES.refusal("new") is None


Item = dict[str, str]
NUMBERS: tuple[Callable[[Item], str], ...] = (lambda item: item.get("to", ""), lambda item: item.get("number", ""))


def matched(batch: Batch, *items: Item) -> dict[str, Item]:
    return match(batch, items, ref=lambda item: item.get("ref", ""), numbers=NUMBERS)


def batch(*numbers: str) -> Batch:
    return Batch(tuple(Message(f"r{i}", number, "text") for i, number in enumerate(numbers, 1)))


def test_our_reference_decides_before_the_number() -> None:
    one, two = {"ref": "r2", "to": "1"}, {"ref": "r1", "to": "2"}
    assert matched(batch("1", "2"), one, two) == {"r2": one, "r1": two}


def test_the_number_decides_where_there_is_no_reference() -> None:
    one, two = {"to": "+2"}, {"to": "foreign", "number": "00 1"}
    assert matched(batch("1", "2"), one) == {"r2": one}
    assert matched(batch("001", "2"), two) == {"r1": two}


def test_a_number_that_two_messages_have_decides_nothing() -> None:
    assert matched(batch("1", "1"), {"to": "1"}, {"to": "1"}) == {}


def test_a_stranger_is_left_out_even_with_a_number_of_ours() -> None:
    assert matched(batch("1", "2"), {"ref": "other", "to": "1"}) == {}


def test_a_lone_nameless_item_answers_a_lone_message_only() -> None:
    assert matched(batch("1"), {}) == {"r1": {}}
    assert matched(batch("1"), {"to": "2"}) == {}
    assert matched(batch("1"), {}, {}) == {}
    assert matched(batch("1", "2"), {}) == {}


def test_the_first_item_of_a_message_wins() -> None:
    assert matched(batch("1"), {"ref": "r1", "id": "a"}, {"ref": "r1", "id": "b"}) == {"r1": {"ref": "r1", "id": "a"}}


def test_an_odd_item_is_unknown_and_spoils_no_other() -> None:
    def read(item: Item) -> object:
        if "id" not in item:
            raise MalformedAnswer("no id")
        return accepted(item["id"])

    results = per_message({"r1": {}, "r2": {"id": "2"}}, read)
    assert results["r1"].kind is Kind.UNKNOWN
    assert results["r1"].cause == "no id"
    assert results["r2"].keys == ("2",)


def test_digits() -> None:
    assert digits("+48 600-100 (200)") == "48600100200"
    assert digits("٣") == ""


@given(st.text())
def test_what_is_escaped_is_read_back_by_a_parser(text: str) -> None:
    root = xml.read_xml(f"<a b='{xml.escape_attribute(text)}'>{xml.escape(text)}</a>".encode("utf-8", "surrogatepass"))
    readable = text.translate(xml.FORBIDDEN)
    assert (root.text or "") == readable
    assert root.attrib["b"] == readable


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b"text",
        b"<a>" * 50_000,
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "http://169.254.169.254/"><a/>',
        b'<?xml version="1.0" encoding="klingon"?><a/>',
    ],
)
def test_bad_xml_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer, match="the body is not XML"):
        xml.read_xml(body)


def test_xml_is_found_without_namespaces() -> None:
    root = xml.read_xml(b'<s:Envelope xmlns:s="urn:s"><s:Body><id> 7 </id><id>8</id></s:Body></s:Envelope>')
    assert xml.local(root) == "Envelope"
    assert xml.text(root, "id") == "7"
    assert [node.text for node in xml.descendants(root, "id")] == [" 7 ", "8"]
    assert xml.maybe_text(root, "none") == ""
    with pytest.raises(MalformedAnswer, match="<none> is missing"):
        xml.text(root, "none")


def multipart(body: bytes, content_type: str = 'multipart/form-data; boundary="X-1"') -> RawCallback:
    return RawCallback("media", "POST", "https://gp.example/cb?q=1", (("content-type", content_type),), body)


def test_the_parts_of_a_picture_message() -> None:
    body = (
        b'--X-1\r\nContent-Disposition: form-data; name="from"\r\n\r\n48600100200\r\n'
        b'--X-1\r\ncontent-disposition: form-data; name="f"; filename="a \\"b\\".png"\r\nContent-Type: image/png\r\n'
        b"\r\n\x89PNG\r\n\r\n--\r\n"
        b"--X-1\r\nContent-Disposition: form-data\r\n\r\nnameless\r\n--X-1--\r\n"
    )
    assert read_multipart(multipart(body)) == [
        Part("from", b"48600100200"),
        Part("f", b"\x89PNG\r\n\r\n--", 'a "b".png', "image/png"),
    ]
    assert form(multipart(body)) == {"from": "48600100200", "q": "1"}


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=", "text/plain"])
def test_multipart_without_its_boundary_is_malformed(content_type: str) -> None:
    with pytest.raises(MalformedAnswer, match="not multipart"):
        read_multipart(multipart(b"--X-1\r\n", content_type))


@given(st.binary())
def test_any_bytes_are_parts_or_malformed(body: bytes) -> None:
    try:
        parts = read_multipart(multipart(b"--X-1" + body))
    except MalformedAnswer:
        return
    assert all(part.name for part in parts)


def test_signatures() -> None:
    fox = b"The quick brown fox jumps over the lazy dog"
    assert signatures.hmac_sign("key", fox) == "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    assert signatures.hmac_sign("key", fox, "sha1", "base64") == "3nybhbi3iqa8ino29wqQcBydtNk="
    assert signatures.hash_hex(b"secret") == "5ebe2294ecd0e0f08eab7690d2a6ee69"


@pytest.mark.parametrize(
    ("given_", "expected", "verdict"),
    [("a", "a", True), ("a", "b", False), ("", "", False), (None, "a", False), ("a", "", False), ("ż", "ż", True)],
)
def test_nothing_never_equals_a_signature(given_: str | None, expected: str, verdict: bool) -> None:
    assert signatures.equal(given_, expected) is verdict


def finish(flow: Flow[object], response: Response) -> object:
    next(flow)
    with pytest.raises(StopIteration) as end:
        flow.send(response)
    return end.value.value


def test_ask_gives_the_answer_or_stops() -> None:
    def refusal(response: Response) -> object:
        return None if response.status == 200 else refused(Refusal.AUTH)

    ok = Response(200)
    assert finish(ask(get("https://x.example"), "Ping", refusal), ok) is ok
    flow = ask(get("https://x.example"), "Ping", refusal)
    assert next(flow).label == "Ping"
    with pytest.raises(Stop) as caught:
        flow.send(Response(401))
    assert caught.value.outcome.refusal is Refusal.AUTH


def test_a_check_may_be_the_balance() -> None:
    def balance(gw: Gateway, ctx: Context) -> Flow[Balance]:
        yield call(get("https://x.example"))
        return Balance(Decimal(5), "PLN")

    checked = finish(check_by_balance(balance)(Gateway("x", {}), Context(NOW)), Response(200))
    assert checked.balance == Balance(Decimal(5), "PLN")
    assert checked.outcome is None


CODES = Refused({77: (Refusal.NO_CREDIT, "Empty"), 403: (Refusal.AUTH, "Key"), 503: (Refusal.TEMPORARY, "Later")})


@pytest.mark.parametrize(
    ("status", "code", "kind", "class_", "shown"),
    [
        (400, "77", Kind.REFUSED, Refusal.NO_CREDIT, "77"),
        (500, "77", Kind.REFUSED, Refusal.NO_CREDIT, "77"),
        (403, "", Kind.REFUSED, Refusal.AUTH, "403"),
        (403, "odd", Kind.REFUSED, Refusal.AUTH, "odd"),
        (503, "odd", Kind.REFUSED, Refusal.TEMPORARY, "odd"),
        (401, "", Kind.REFUSED, Refusal.AUTH, "401"),
        (404, "", Kind.REFUSED, Refusal.CONFIG, "404"),
        (422, "odd", Kind.REFUSED, Refusal.PERMANENT, "odd"),
        (429, "", Kind.THROTTLED, None, "429"),
    ],
)
def test_an_answer_outside_2xx_is_refused_by_code_then_table_then_status(
    status: int, code: str, kind: Kind, class_: Refusal | None, shown: str
) -> None:
    found = refusal(Response(status), Context(NOW), CODES, code)
    assert found is not None
    assert (found.kind, found.refusal, found.code) == (kind, class_, shown)
    assert found.words


def test_a_success_is_no_refusal_whatever_its_code() -> None:
    assert refusal(Response(201), Context(NOW), CODES, "77") is None


@pytest.mark.parametrize("status", [301, 408, 500, 502, 100])
def test_a_status_that_proves_nothing_is_malformed(status: int) -> None:
    with pytest.raises(MalformedAnswer):
        refusal(Response(status), Context(NOW), CODES, "odd")


def test_rows_of_one_meaning_are_joined() -> None:
    table = Refused(codes(Refusal.AUTH, "Key", 1, 2) | codes(THROTTLED, "Slow", 3))
    assert [table.refusal(code) for code in (1, "2", 3, 4)] == [Refusal.AUTH, Refusal.AUTH, None, None]
    assert [table.words(code) for code in (2, 4)] == ["Key", ""]


def test_a_receipt_says_what_the_table_says_unless_the_report_says_more() -> None:
    plain = STATES.receipt(5, keys=("a",))
    assert (plain.state, plain.status, plain.words, plain.refusal) == (State.BLOCKED, "5", "Blocked", Refusal.BLOCKED)
    told = STATES.receipt("delivrd", words="At last", refusal=Refusal.TEMPORARY)
    assert (told.state, told.words, told.refusal) == (State.DELIVERED, "At last", Refusal.TEMPORARY)
    assert STATES.receipt("new").state is None


def test_pairs_of_bytes_keep_blanks_repeats_and_order() -> None:
    assert byte_pairs(b"b=1&a=&b=%ff+x&&c") == [(b"b", b"1"), (b"a", b""), (b"b", b"\xff x"), (b"c", b"")]


def test_a_price_may_be_missing() -> None:
    assert price("1,5", "EUR") == Price(Decimal("1.5"), "EUR")
    assert price(Decimal(2), "points") == Price(Decimal(2), "points")
    assert [price(value, "EUR") for value in (None, "", "free")] == [None] * 3
    assert some("", "a", "") == ("a",)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.evil/x",
        "http://api.example/x",
        "https://api.example:444/x",
        "https://api.example@evil/x",
        "//api.example/x",
        "https://[",
        "",
    ],
)
def test_credentials_go_to_the_very_host_only(url: str) -> None:
    headers = (("authorization", "secret"),)
    assert only_for("https://api.example/v1", "https://api.example/media/1", headers) == headers
    assert only_for("https://api.example/v1", url, headers) == ()
    assert only_for("", url, headers) == ()


def test_an_object_is_left_without_what_is_empty() -> None:
    values = {"a": None, "b": "", "c": [], "d": {}, "e": 0, "f": False, "g": "x", "h": {"i": None}}
    assert filled(values) == {"e": 0, "f": False, "g": "x", "h": {"i": None}}


def test_a_segment_of_a_path_stays_one() -> None:
    assert [segment(text) for text in ("SM1", "a/b?c#d", "..", "é", "1.2")] == [
        "SM1",
        "a%2Fb%3Fc%23d",
        "%2E%2E",
        "%C3%A9",
        "1.2",
    ]


def test_a_check_may_do_without_the_permission_to_read_the_balance() -> None:
    def balance(gw: Gateway, ctx: Context) -> Flow[Balance]:
        yield call(get("https://x.example/"))
        raise Stop(refused(Refusal.CONFIG, "403", "no permission"))

    def checked(*codes: str) -> Flow[Any]:
        return check_by_balance(balance, codes)(Gateway("x", {}), Context(NOW))

    flow = checked("403")
    next(flow)
    with pytest.raises(StopIteration) as end:
        flow.send(Response(403))
    assert end.value.value.outcome is None
    assert "no permission" in end.value.value.words
    other = checked("401")
    next(other)
    with pytest.raises(Stop):
        other.send(Response(403))
