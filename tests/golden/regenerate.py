"""Make the expected pictures anew: `python -m tests.golden.regenerate [name …]`, all of them without names.

Look at each that changed before it is committed: what is written here is what every later run is held to.
"""

from __future__ import annotations

import sys

from tests.golden.cases import CASES, EXPECTED


def main(names: list[str]) -> None:
    EXPECTED.mkdir(exist_ok=True)
    for case in CASES:
        if not names or case.name in names:
            case.picture().pngsave(str(case.expected), keep="none", effort=10, compression=9)
            print(case.expected)


if __name__ == "__main__":
    main(sys.argv[1:])
