"""Lists and runs the benches: `python -m bench [NAME ...] [OPTION ...]`.

Each prints tables for people, and one JSON object as its last line for programs.
"""

import importlib
import sys
from itertools import takewhile
from pathlib import Path

HERE = Path(__file__).parent
NOT_BENCHES = ("__init__", "__main__", "report")


def names() -> list[str]:
    files = (file.stem for file in HERE.glob("*.py") if file.stem not in NOT_BENCHES)
    return sorted([*files, *(file.parent.name for file in HERE.glob("*/__init__.py"))])


def main(arguments: list[str]) -> int:
    # The options after the names are read by the benches.
    asked = [*takewhile(lambda argument: not argument.startswith("-"), arguments)]
    unknown = [name for name in asked if name not in names()]
    if unknown:
        print(f"no bench is called {', '.join(unknown)}; there are: {', '.join(names())}")
        return 2
    for name in asked or names():
        module = importlib.import_module(f"bench.{name}")
        print(f"{name}: {(module.__doc__ or '').strip().splitlines()[0]}", flush=True)
        module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
