"""docs/simulators.md names what there is."""

import re
from pathlib import Path
from typing import get_args

from gatepost.simulators.faults import NAMES, Spoilt
from gatepost.simulators.handset import BY_ENDING
from gatepost.simulators.registry import all_simulators

PAGE = (Path(__file__).parents[3] / "docs" / "simulators.md").read_text()


def test_the_page_has_every_special_number_with_its_words():
    rows = re.findall(r"^\| `(\d{4})` \| (.*) \|$", PAGE, re.MULTILINE)
    said = {ending: behaviour.words.rstrip(".").lower() for ending, behaviour in BY_ENDING.items()}
    assert {ending: words.lower() for ending, words in rows} == said


def test_the_page_names_every_simulator_and_its_options():
    for slug, simulator in all_simulators().items():
        assert f"| `{slug}` |" in PAGE
        assert all(f"| `{option}` | `{slug}` |" in PAGE for option in simulator.options)


def test_the_page_names_every_switch_and_every_spoilt_answer():
    assert [name for name in NAMES if f"`{name}`" not in PAGE] == []
    assert [answer for answer in get_args(Spoilt) if answer and f"| `{answer}` |" not in PAGE] == []
