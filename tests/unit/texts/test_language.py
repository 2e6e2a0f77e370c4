"""The language of texts: what it writes, what it refuses, and that no text can do harm."""

import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatepost.problems import Problem
from gatepost.texts.filters import FILTERS
from gatepost.texts.language import LONGEST_TEXT, MissingValue, TextFault, compile_text
from gatepost.texts.sandbox import DEADLINE_S, OUTPUT_LIMIT, TAG_NAMES

EWA = {
    "full_name": "Ewa Żak",
    "first_name": "Ewa",
    "email": "",
    "plans": ["Fibre 300", "Talk"],
    "tags": [],
    "custom.balance": -12.5,
    "custom.end": "2027-01-31",
    "custom.paperless": True,
    "custom.debt": None,
    "custom.node": "",
}

WRITES = {
    "Hello": "Hello",
    "Dear %FULL_NAME%": "Dear Ewa Żak",
    "%First_Name%, {{first_name}}, {{ first_name }}": "Ewa, Ewa, Ewa",
    "You owe %CUSTOM.BALANCE%": "You owe -12.5",
    "100% sure, 50 % off": "100% sure, 50 % off",
    "{{ plans }}": "Fibre 300, Talk",
    "{{ custom.paperless }}": "yes",
    "{{ email | default: 'none' }}": "none",
    "{{ email | upcase | default: 'none' }}": "none",
    "{{ custom.balance | abs | money: ',' }}": "12,50",
    "{{ custom.balance | plus: 20 | times: 2 }}": "15",
    "{{ 7 | divided_by: 2 }} {{ 7.5 | divided_by: 2 }} {{ 7 | modulo: 4 }}": "3 3.75 3",
    "{{ 2.345 | round: 2 }} {{ 2.1 | ceil }} {{ 2.9 | floor }}": "2.35 3 2",
    "{{ custom.end | date: '%-d.%m.%Y, %A %d %B' }}": "31.01.2027, Sunday 31 January",
    "{{ 'soon' | date: '%Y' }}": "soon",
    "{% if email %}a{% else %}b{% endif %}": "b",
    "{% if email == '' %}a{% endif %}{% if email == blank %}b{% endif %}{% if email == nil %}c{% endif %}": "abc",
    "{% if email != '' %}a{% endif %}{% unless email %}b{% endunless %}{% if tags == empty %}c{% endif %}": "bc",
    "{% if custom.debt > 100 %}a{% elsif custom.debt <= 100 %}b{% else %}c{% endif %}": "c",
    "{% if plans contains 'Talk' %}voice{% endif %}": "voice",
    "{% if email %}{{ email }}{% endif %}nothing shown is missing": "nothing shown is missing",
    "{% for plan in plans %}{{ forloop.index }}. {{ plan }} {% endfor %}": "1. Fibre 300 2. Talk ",
    "{% for tag in tags %}a{% else %}b{% endfor %}": "b",
    "{{ plans.size }} {{ plans[1] }} {{ plans.first }} {{ plans | last }}": "2 Talk Fibre 300 Talk",
    "{{ plans | reverse | join: ' and ' | replace: 'Talk', 'Voice' }}": "Voice and Fibre 300",
    "{{ plans | sort | uniq | slice: 0, 1 }}": "Fibre 300",
    "{{ full_name | truncate: 5, '…' }} {{ full_name | slice: -3, 3 }}": "Ewa … Żak",
    "{{ 'a  b' | squish | append: '!' | prepend: '¡' | remove: 'b' | url_encode }}": "%C2%A1a+%21",
    "{% assign who = first_name | downcase %}{{ who }}{% capture x %}{{ who }}!{% endcapture %}{{ x }}": "ewaewa!",
    "{% if email %}{% assign who = 'x' %}{% endif %}[{{ who }}]": "[]",
    "{% case first_name %}{% when 'Ewa' %}a{% else %}b{% endcase %}": "a",
    "{% raw %}%FIRST_NAME% {{ x }}{% endraw %} %FIRST_NAME%": "%FIRST_NAME% {{ x }} Ewa",
    "a{% comment %} {{ x }} {% endcomment %}b{% # a note %}": "ab",
    "a {{- first_name -}} b": "aEwab",
}


@pytest.mark.parametrize("source", WRITES, ids=str)
def test_a_text_is_written_as_its_author_means(source: str) -> None:
    assert compile_text(source).render(EWA) == WRITES[source]


REFUSES = {
    "a\n{{ full_nam }}": ("unknown_field", "Line 2: There is no field 'full_nam'. Did you mean full_name?"),
    "%TYPO%": ("unknown_field", "There is no field 'typo'."),
    "{{ Email }}": ("unknown_field", "Did you mean email?"),
    "{% if typo %}{% endif %}": ("unknown_field", "'typo'"),
    "{{ custom.typo | upcase }}": ("unknown_field", "'custom.typo'"),
    "{{ custom }}": ("bad_field", "custom.key"),
    "{{ custom[email] }}": ("bad_field", "brackets"),
    "{{ email.__class__ }}": ("bad_field", "email.__class__ is not a field"),
    "{{ custom.node.upper }}": ("bad_field", "is not a field"),
    "{% for plan in plans %}{{ plan.__init__ }}{% endfor %}": ("bad_field", "is not a field"),
    "{{ now }}": ("unknown_field", "'now'"),
    "{{ email": ("bad_mark", "Close it with }}"),
    "{% if email": ("bad_mark", "Close it with %}"),
    "{{ }}": ("bad_mark", "empty"),
    f"{{{{ email{' ' * 500}}}}}": ("bad_mark", "500"),
    "a\nb{% if email %}": ("bad_mark", "Line 2: if is opened and never ended"),
    "{% endif %}": ("bad_mark", "nothing is open"),
    "{% for x in plans %}{% endif %}{% endfor %}": ("bad_mark", "endif stands here, but for is open"),
    "{% raw %}": ("bad_mark", "endraw"),
    "{% include 'x' %}": ("unknown_tag", "There is no tag 'include'"),
    "{% render 'x' %}": ("unknown_tag", "'render'"),
    "{% liquid echo email %}": ("unknown_tag", "'liquid'"),
    "{% tablerow x in plans %}{% endtablerow %}": ("unknown_tag", "'tablerow'"),
    "{% increment x %}": ("unknown_tag", "'increment'"),
    "{{ email | base64_decode }}": ("unknown_filter", "'base64_decode'"),
    "{{ (1..1000000000) | join: email }}": ("range", "Ranges"),
    "{% for x in (1..1000000000) %}{{ x }}{% endfor %}": ("bad_loop", "a field that holds a list"),
    "{% if (1..9999999999) contains 5 %}{% endif %}": ("range", "Ranges"),
    "{% assign x = (1..9) %}": ("range", "Ranges"),
    "{% for x in plans %}{% for y in plans %}{% endfor %}{% endfor %}": ("loop_in_loop", "another loop"),
    "{% break %}": ("no_loop", "no loop"),
    "{{ 1 == 1 }}": ("bad_syntax", "Liquid says"),
    "{{ email | }}": ("bad_syntax", "Liquid says"),
    "x\x00": ("bad_text", "NUL"),
    "x" * (LONGEST_TEXT + 1): ("too_long", str(LONGEST_TEXT)),
}


@pytest.mark.parametrize("source", REFUSES, ids=lambda source: source[:40])
def test_what_a_text_may_not_say_is_refused_with_its_line_and_a_remedy(source: str) -> None:
    code, words = REFUSES[source]
    with pytest.raises(Problem) as refused:
        compile_text(source, EWA, about="body")
    assert {(fault.field, fault.code) for fault in refused.value.faults} == {("body", code)}
    assert words in refused.value.faults[0].detail


def test_every_fault_of_a_text_is_named() -> None:
    with pytest.raises(Problem) as refused:
        compile_text("%A%\n%B%\n{{ full_name }}", {"full_name"})
    assert [fault.detail[:30] for fault in refused.value.faults] == [
        "Line 1: There is no field 'a'.",
        "Line 2: There is no field 'b'.",
    ]


FAULTS = (
    "{{ 1 | divided_by: 0 }}",
    "{{ 5 | modulo: 0 }}",
    "{{ 1 | round: 99999999 }}",
    "{{ 999999999999999 | times: 999999999999999 }}",
    "{{ 99999999999999999999999999999999 | plus: 1 }}",
    "{{ '1e999999' | plus: 1 }}",
    "{{ first_name | plus: 1 }}",
    "{{ custom.end | date: '%99999999d' }}",
    "{{ first_name | slice: 1.5 }}",
    "{{ first_name | upcase: 1, 2, 3 }}",
    "{% if full_name > 5 %}{% endif %}",
)


@pytest.mark.parametrize("source", FAULTS)
def test_what_cannot_be_worked_out_is_a_fault_with_words(source: str) -> None:
    with pytest.raises(TextFault) as fault:
        compile_text(source).render(EWA)
    assert len(fault.value.words) > 10


def test_the_missing_values_that_are_shown_are_named_in_order() -> None:
    plain = compile_text("{{ custom.node }} %EMAIL% {{ first_name }} {{ email }} {{ phone | default: '-' }}")
    tested = compile_text("{% if email %}{{ phone }}{% endif %}{{ custom.debt | money }}{{ tags | join }}{{ gone }}")
    for text, names in ((plain, ("custom.node", "email")), (tested, ("custom.debt", "tags", "gone"))):
        with pytest.raises(MissingValue) as missing:
            text.render(EWA)
        assert missing.value.names == names


def test_something_else_can_stand_in_the_place_of_missing_values() -> None:
    assert compile_text("{{ email }}, {{ custom.debt }}").render(EWA, instead="friend") == "friend, friend"
    assert compile_text("{{ email | upcase }}{% if plans %}.{% endif %}").render(EWA, instead="friend") == "friend."


def test_a_text_says_what_it_needs_and_whether_it_is_the_same_for_all() -> None:
    assert compile_text("Hello").is_plain
    found = compile_text("%NAME% {{ custom.a.size }} {% for x in plans %}{{ x }}{{ login }}{% endfor %}")
    assert not found.is_plain
    assert found.fields == {"name", "custom.a", "plans", "login"}


def test_plain_placeholders_do_without_liquid() -> None:
    assert compile_text('%NAME% {{ custom.a }} {{ login | default: "x" }}').template is None


HOGS = (
    "{% assign a = 'xxxxxxxxxx' %}" + "{% assign a = a | append: a %}" * 40 + "{{ a }}",
    "{% assign a = 'xxxxxxxxxx' %}" + "{% assign a = a | replace: 'x', a %}" * 40 + "{{ a }}",
    "{% capture a %}xxxxxxxxxx{% endcapture %}" + "{% capture a %}{{ a }}{{ a }}{% endcapture %}" * 40 + "{{ a }}",
    "{% for x in many %}" + "{{ x | upcase | append: x | downcase }}" * 400 + "{% endfor %}",
    "{% for x in many %}" + "{% if x == x and x != 'a' and x contains 'v' %} {% endif %}" * 300 + "{% endfor %}",
    "{% for x in many %}{% endfor %}" * 600,
    "{{ many | join: many }}" * 800,
    "{%if " + "1<" * 240 + "1 %}x{% endif %}",
    "{{ " + "a[" * 200 + "]" * 200 + " }}",
    "{{" * 9000,
    "{{ long }}" * 2000,
    "{{ long }}" * 2000 + "{% if x %}{% endif %}",
    "{% raw %}" * 2200,
    "{{ " + " " * 490 + "}}",
    "{{ x" + " " * 480 + "| upcase }}",
    "{% if x %}" * 900 + "{% endif %}" * 900,
    "%" * LONGEST_TEXT,
)


@pytest.mark.parametrize("source", HOGS, ids=range(len(HOGS)))
def test_hogs_end_soon_and_stay_small(source: str) -> None:
    _renders_harmlessly(source, {"many": ["value " * 10] * 100, "x": "x", "a": "a", "long": "ż" * 1000})


WORDS = st.sampled_from(
    [
        *(f"| {name}" for name in FILTERS),
        *(f"{{% {name} %}}" for name in sorted(TAG_NAMES)),
        *("{{", "}}", "{%", "%}", "(1..9999999)", "for x in plans", "if", "assign a =", "capture a", "a", "x", "plans"),
        *("full_name", "custom.balance", "%FULL_NAME%", "'x'", "99999999", "-1", ":", ",", ".", "[", "]", "==", ">"),
        *("contains", "and", "forloop", "now", "__class__", "empty", "nil", "case", "when", "\n", "   ", '"', "'", "-"),
    ]
)
SOURCES = st.one_of(
    st.text(max_size=200),
    st.lists(WORDS, max_size=40).map(" ".join),
    st.lists(WORDS, max_size=12).map(lambda words: "{{ " + " ".join(words) + " }}"),
    st.lists(st.lists(WORDS, max_size=6).map(lambda words: "{% " + " ".join(words) + " %}"), max_size=8).map("".join),
)
VALUES = st.dictionaries(
    st.sampled_from([*EWA, "x", "a"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.text(max_size=50),
        st.integers(),
        st.floats(),
        st.lists(st.text(max_size=20), max_size=10),
    ),
)


@given(SOURCES, VALUES)
@settings(max_examples=400, deadline=None)
@example("{{ full_name | date: '%s' }}", {"full_name": "9999-99-99"})
@example("{{ custom.balance | money }}", {"custom.balance": float("nan")})
@example("{{ custom.balance | round }}", {"custom.balance": 10**400})
def test_no_text_runs_code_loops_for_ever_or_exceeds_its_limit(source: str, values: dict[str, Any]) -> None:
    _renders_harmlessly(source, values)


def _renders_harmlessly(source: str, values: dict[str, Any]) -> None:
    """Whatever is written ends in a text within the limit or in words for people, and soon."""
    began = time.thread_time()
    try:
        written = compile_text(source).render(values)
    except (Problem, MissingValue, TextFault):
        written = ""
    assert len(written.encode()) <= OUTPUT_LIMIT
    assert "<class" not in written
    assert "object at 0x" not in written
    assert time.thread_time() - began < 4 * DEADLINE_S
