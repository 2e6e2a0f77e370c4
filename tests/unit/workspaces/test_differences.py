"""What the audit keeps of a change."""

from gatepost.workspaces.differences import CHANGED, LONGEST, differences, untold


def test_only_what_differs_is_told_before_and_after_in_words() -> None:
    before = {"rate": 10.0, "on": True, "ips": [], "name": "A", "text": None, "same": ("a", "b")}
    after = {"rate": 10, "on": False, "ips": ["::1", "10.0.0.0/8"], "name": "B", "text": "", "same": ["a", "b"]}
    assert differences(before, after) == {"on": ["on", "off"], "ips": ["none", "::1, 10.0.0.0/8"], "name": ["A", "B"]}


def test_long_values_are_cut_and_where_that_hides_the_difference_only_that_is_told() -> None:
    long = "x" * LONGEST
    assert differences({"a": "1\n2", "b": long + "1"}, {"a": long + "y", "b": long + "2"}) == {
        "a": ["1 2", "x" * (LONGEST - 1) + "…"],
        "b": CHANGED,
    }


def test_of_secrets_it_is_told_that_they_were_changed() -> None:
    assert untold(["api_key"]) == {"api_key": "changed"}
