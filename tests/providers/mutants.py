"""What the last `make mutants` found, per adapter: `python -m tests.providers.mutants`.

mutmut leaves a file beside every module that it has changed, with the exit code of the tests for each change.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from mutmut.stats import status_by_exit_code

FOLDER = Path("mutants/src/gatepost/providers")
DETECTED = ("killed", "timeout", "segfault", "suspicious")
"""A change after which the tests hang or crash is noticed too."""


def main() -> int:
    lines = [f"{'module':32}{'changes':>9}{'noticed':>9}{'survived':>10}{'not run':>9}"]
    for path in sorted(FOLDER.rglob("*.meta")):
        codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        if not codes:
            continue
        counted = Counter(status_by_exit_code[code] for code in codes.values())
        noticed, survived = sum(counted[name] for name in DETECTED), counted["survived"]
        name = str(path.relative_to(FOLDER)).removesuffix(".meta")
        lines.append(f"{name:32}{len(codes):9}{noticed:9}{survived:10}{len(codes) - noticed - survived:9}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
