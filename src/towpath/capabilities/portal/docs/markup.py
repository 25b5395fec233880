"""Markdown as TechDocs' authors write it: the extensions, and what becomes of those that need more.

Tabs become parts that fold, of which one is open: no script and no form is needed. A diagram that
a browser would draw by a script of its own is shown as its text. What would be drawn by a program,
as PlantUML is, is refused by name.
"""

import importlib
from typing import Any
from xml.etree import ElementTree

import markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

_emoji: Any = importlib.import_module("pymdownx.emoji")
DIAGRAMS = ("mermaid",)
REFUSED = ("plantuml", "puml", "uml", "graphviz", "dot")
"""Programs would draw them, with files and the network in reach."""


class _Folding(Treeprocessor):
    """`=== "Tab"` as parts that fold, the first one open, at most one of them at a time."""

    def run(self, root: ElementTree.Element) -> None:
        number = 0
        for parent in list(root.iter("div")):
            if "tabbed-set" not in parent.get("class", "").split():
                continue
            number += 1
            labels = [one for one in parent if one.tag == "label"]
            contents = [one for one in parent if one.tag == "div"]
            for child in list(parent):
                parent.remove(child)
            for label, content in zip(labels, contents, strict=False):
                part = ElementTree.SubElement(parent, "details", {"name": f"tabs-{number}"})
                if len(parent) == 1:
                    part.set("open", "open")
                title = ElementTree.SubElement(part, "summary")
                title.text, title[:] = label.text, list(label)
                part.append(content)


class _Tabs(Extension):
    def extendMarkdown(self, md: markdown.Markdown) -> None:
        md.treeprocessors.register(_Folding(md), "towpath-tabs", 1)


def _diagram(source: str, language: str, *_: Any, **__: Any) -> str:
    return _as_text(source, f"A {language} diagram, as its text")


def _refused(source: str, language: str, *_: Any, **__: Any) -> str:
    return _as_text(source, f"{language} is not drawn here; this is its text")


def _as_text(source: str, told: str) -> str:
    escaped = source.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        f'<div class="highlight"><p class="diagram-title">{told}</p>'
        f"<pre><code>{escaped}</code></pre></div>"
    )


_FENCES = [
    *({"name": name, "class": name, "format": _diagram} for name in DIAGRAMS),
    *({"name": name, "class": name, "format": _refused} for name in REFUSED),
]
_EXTENSIONS = (
    "abbr",
    "admonition",
    "attr_list",
    "def_list",
    "footnotes",
    "md_in_html",
    "meta",
    "sane_lists",
    "tables",
    "toc",
    "pymdownx.betterem",
    "pymdownx.caret",
    "pymdownx.details",
    "pymdownx.emoji",
    "pymdownx.highlight",
    "pymdownx.inlinehilite",
    "pymdownx.keys",
    "pymdownx.magiclink",
    "pymdownx.mark",
    "pymdownx.smartsymbols",
    "pymdownx.superfences",
    "pymdownx.tabbed",
    "pymdownx.tasklist",
    "pymdownx.tilde",
)
_SETTINGS: dict[str, dict[str, Any]] = {
    # Signs as letters: pictures of them would come from elsewhere.
    "pymdownx.emoji": {
        "emoji_index": _emoji.gemoji,
        "emoji_generator": _emoji.to_alt,
    },
    "pymdownx.highlight": {"guess_lang": False, "noclasses": False},
    "pymdownx.superfences": {"custom_fences": _FENCES},
    "toc": {"permalink": "#", "permalink_title": "Link to this part"},
}


def converter() -> markdown.Markdown:
    """Of one page."""
    extensions: list[str | Extension] = [*_EXTENSIONS, _Tabs()]
    return markdown.Markdown(extensions=extensions, extension_configs=_SETTINGS)
