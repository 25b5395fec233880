"""Lists and runs the benches: `python -m bench [NAME ...]`.

Each prints tables for people, and one JSON object as its last line for programs.
"""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
NOT_BENCHES = ("__init__", "__main__", "report")


def names() -> list[str]:
    files = (file.stem for file in HERE.glob("*.py") if file.stem not in NOT_BENCHES)
    return sorted([*files, *(file.parent.name for file in HERE.glob("*/__init__.py"))])


def main(arguments: list[str]) -> int:
    unknown = [name for name in arguments if name not in names()]
    if unknown:
        print(f"no bench is called {', '.join(unknown)}; there are: {', '.join(names())}")
        return 2
    for name in arguments or names():
        module = importlib.import_module(f"bench.{name}")
        print(f"{name}: {(module.__doc__ or '').strip().splitlines()[0]}", flush=True)
        module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
