"""Proves that the checks can fail: every bug in bugs/*.patch is put into a copy of the tree and must be caught by the
check that its patch names. `make faults-selftest`; with arguments only the bugs whose names contain one of them.

A patch says in its head what the bug is, and `Caught by: <pytest node>`. It fails loudly where it no longer applies.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUGS = Path(__file__).with_name("bugs")
COPIED = ("src", "tests", "docs", "pyproject.toml", "CHANGELOG.md", "Makefile")
CAUGHT_BY = re.compile(r"^Caught by: (\S+)$", re.MULTILINE)
NAIVE_WORKER = "tests/faults/test_naive_worker.py"
AT_ONCE = 2
CHECK_TIMEOUT_S = 600.0
ALL_TIMEOUT_S = 2400.0
PASSED, FAILED = 0, 1
"""Exit codes of pytest; any other says that the check itself could not run."""


@dataclass(frozen=True, slots=True)
class Bug:
    """A patch. `check`: the pytest node that catches it."""

    path: Path
    check: str

    @property
    def name(self) -> str:
        return self.path.stem


@dataclass(frozen=True, slots=True)
class Finding:
    """`trouble` is empty where the bug was caught as it should be."""

    bug: Bug
    took_s: float
    trouble: str = ""


def read_bugs() -> list[Bug]:
    """Raises ValueError for a patch that names no check."""
    bugs = []
    for path in sorted(BUGS.glob("*.patch")):
        found = CAUGHT_BY.findall(path.read_text("utf-8").partition("\n--- ")[0])
        if len(found) != 1:
            raise ValueError(f"{path.name} names {len(found)} checks instead of one")
        bugs.append(Bug(path, found[0]))
    return bugs


def why_not_applied(bug: Bug, tree: Path, *options: str) -> str:
    """Put the bug into the tree; what git says where it no longer fits."""
    done = _run(["git", "apply", "--whitespace=nowarn", *options, str(bug.path)], tree, 30)
    return done.stdout.strip() if done.returncode else ""


@contextmanager
def copy_of_the_tree() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gatepost-bug-") as folder:
        tree = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
            else:
                shutil.copy(source, tree / name)
        yield tree


def check(nodes: Sequence[str], tree: Path, timeout_s: float = CHECK_TIMEOUT_S) -> "subprocess.CompletedProcess[str]":
    """Run these tests on the tree. Raises TimeoutExpired."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "--no-header", "--tb=line", *nodes]
    return _run(argv, tree, timeout_s)


def find(bug: Bug) -> Finding:
    began = time.monotonic()

    def finding(trouble: str = "") -> Finding:
        return Finding(bug, time.monotonic() - began, trouble)

    with copy_of_the_tree() as tree:
        if words := why_not_applied(bug, tree):
            return finding(f"the patch no longer applies: {words}")
        try:
            done = check([bug.check], tree)
        except subprocess.TimeoutExpired:
            return finding(f"the check hangs: {bug.check}")
        if done.returncode == PASSED:
            return finding(f"NOT CAUGHT by {bug.check}")
        if done.returncode != FAILED or " error" in done.stdout.splitlines()[-1]:
            return finding(f"the check could not run:\n{done.stdout[-2000:]}")
    return finding()


def main(wanted: Sequence[str]) -> int:
    bugs = [bug for bug in read_bugs() if not wanted or any(word in bug.name for word in wanted)]
    stale = [(bug, words) for bug in bugs if (words := why_not_applied(bug, ROOT, "--check"))]
    for bug, words in stale:
        say(f"{bug.name}: the patch no longer applies: {words}")
    if stale:
        return 1
    say(f"{len(bugs)} bugs; first their checks, and the naive worker, without any bug.")
    if not _pass_without_bugs(sorted({bug.check for bug in bugs})):
        return 1
    findings = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for finding in pool.map(find, bugs):
            findings.append(finding)
            say(f"{finding.bug.name:34s} {finding.trouble or f'caught by {finding.bug.check}'}  {finding.took_s:.0f} s")
    missed = [finding for finding in findings if finding.trouble]
    say(f"{len(findings) - len(missed)} of {len(findings)} bugs caught.")
    return 1 if missed or not findings else 0


def _pass_without_bugs(nodes: list[str]) -> bool:
    halves = [nodes[::2], [*nodes[1::2], NAIVE_WORKER]]
    with copy_of_the_tree() as tree, ThreadPoolExecutor(AT_ONCE) as pool:
        where = _run([sys.executable, "-c", "import gatepost; print(gatepost.__file__)"], tree, 30).stdout
        assert where.startswith(str(tree)), f"the copy is not what is tested, but {where}"
        for done in pool.map(lambda half: check(half, tree, ALL_TIMEOUT_S), halves):
            if done.returncode != PASSED:
                say(f"The checks fail without any bug:\n{done.stdout[-4000:]}")
                return False
    return True


def _run(argv: Sequence[str], tree: Path, timeout_s: float) -> "subprocess.CompletedProcess[str]":
    # What is installed points to the real tree; the path of this variable stands before it.
    env = os.environ | {"PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree}"}
    return subprocess.run(
        argv,
        cwd=tree,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
        check=False,
    )


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a program for the terminal


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
