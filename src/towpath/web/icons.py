"""The portal's own icons: 24 px, strokes of 1.5 px in the colour of the text, drawn into the page.

`icons.svg` beside this module holds one symbol for each name.
"""

import re
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

_SYMBOL = re.compile(r'<symbol id="([^"]+)">(.*?)</symbol>', re.DOTALL)
_BETWEEN = re.compile(r">\s+<")


def _symbols() -> dict[str, str]:
    text = Path(__file__).with_suffix(".svg").read_text(encoding="utf-8")
    return {name: _BETWEEN.sub("><", paths.strip()) for name, paths in _SYMBOL.findall(text)}


_SYMBOLS = _symbols()
NAMES = tuple(_SYMBOLS)


@lru_cache(maxsize=1024)
def icon(name: str, kind: str = "") -> Markup:
    """An icon beside a word; the word says what it means, so it is hidden from screen readers."""
    paths = Markup(_SYMBOLS.get(name, _SYMBOLS["question"]))  # noqa: S704 - from our own file
    markup = Markup('<svg class="icon {}" viewBox="0 0 24 24" aria-hidden="true">{}</svg>')
    return markup.format(kind, paths)
