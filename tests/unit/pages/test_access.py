"""Where a form may lead to: paths of this installation, and nothing that is taken for the name of a page."""

import pytest

from gatepost.pages.access import path_of_ours


@pytest.mark.parametrize("wanted", ["/w/1/contacts/?q=a&page=2", "/"])
def test_a_path_of_ours_is_kept(wanted: str) -> None:
    assert path_of_ours(wanted, "/w/1/log/") == wanted


@pytest.mark.parametrize(
    "wanted", ["", "home", "a:b", "//evil.example/", "/\\evil.example", "https://evil.example/", "javascript:alert(1)"]
)
def test_anything_else_is_not(wanted: str) -> None:
    assert path_of_ours(wanted, "/w/1/log/") == "/w/1/log/"
