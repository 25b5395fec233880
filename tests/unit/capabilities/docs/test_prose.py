"""Markdown of strangers: what it may say, and that it can do nothing."""

import pytest

from towpath.capabilities.portal.docs import prose
from towpath.capabilities.portal.docs.site import Site, site_of

BASE = "/docs/demo/component/orders"
FILES = "/files/orders"
HARMFUL = (
    *("<script", "javascript:", "<iframe", "<form", "<input", "<style", "<link", "<meta", "<base"),
    *("<svg", "<object", "<embed", 'src="http', 'src="//', "data:text", "root:"),
    *(" onerror=", " onclick=", " onmouseover=", " style="),
)
PICTURE = b"\x89PNG"


def site(text: str, **files: bytes) -> Site:
    named = {f"docs/{name.replace('_', '.')}": content for name, content in files.items()}
    return site_of({"docs/index.md": text.encode(), "docs/other.md": b"x", **named}, "orders")


def rendered(text: str, **files: bytes) -> prose.Prose:
    return prose.rendered(site(text, **files), "index.md", text, prose.Bases(BASE, FILES))


def shown(text: str, **files: bytes) -> str:
    return rendered(text, **files).html.text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='JaVa\tscript:alert(1)'>x</a>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<iframe src='https://evil.example'></iframe>",
        "<form action='/sign-out' method=post><button>x</button></form>",
        "<input type=text name=csrf>",
        "<style>body { display: none }</style>",
        "<link rel=stylesheet href=https://evil.example/x.css>",
        "<meta http-equiv=refresh content='0; url=https://evil.example'>",
        "<base href=https://evil.example>",
        "<svg><script>alert(1)</script></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<div style='position:fixed'>x</div>",
        "<object data=x></object><embed src=x>",
        "text\n{: onclick=alert(1) style=x }",
        "# heading {: onmouseover=alert(1) }",
        "![x](https://evil.example/track.png)",
        "![x](//evil.example/track.png)",
        '--8<-- "/etc/passwd"',
    ],
)
def test_nothing_written_runs_loads_or_sends(text: str) -> None:
    html = shown(text).lower()
    assert [word for word in HARMFUL if word in html] == []


def test_ids_and_classes_are_never_those_of_the_portal() -> None:
    html = shown("<p id=main class='banner primary nt'>x</p>\n\n## live {: #bell .button }\n")
    assert 'id="main"' not in html
    assert 'id="doc-main"' in html
    assert 'id="doc-bell"' in html
    assert 'class="nt"' in html
    assert "banner" not in html
    assert "button" not in html


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[x](other.md)", f'<a href="{BASE}/other"'),
        ("[x](other.md#part)", f'<a href="{BASE}/other#doc-part"'),
        ("[x](index.md)", f'<a href="{BASE}"'),
        ("[x](#part)", '<a href="#doc-part"'),
        ("[x](https://example.com/)", '<a href="https://example.com/" rel="noopener noreferrer"'),
        ("[x](mailto:a@example.com)", '<a href="mailto:a@example.com"'),
        ("[x](gone.md)", '<a rel="noopener noreferrer">x</a>'),
        ("![x](a.png)", '<img alt="x" src="/files/orders/a.png">'),
        ("![x](a.exe)", '<img alt="x">'),
        ("```python\nx = 1\n```", '<span class="n">x</span>'),
        ("!!! warning\n    careful", '<div class="admonition warning">'),
        ("- [x] done\n- [ ] not", "\u2611  done"),
        ('=== "Tab A"\n\n    one\n\n=== "Tab B"\n\n    two', "<summary>Tab A</summary>"),
        ('=== "A"\n\n    one', '<details name="doc-tabs-1" open="open">'),
        ("```mermaid\ngraph TD; A-->B\n```", "A mermaid diagram, as its text"),
        ("```plantuml\nA -> B\n```", "plantuml is not drawn here"),
        ("Some :rocket: here", "\U0001f680"),
        ("Words[^1].\n\n[^1]: A note.", 'class="footnote"'),
        ("## Two", '<a class="headerlink" href="#doc-two" title="Link to this part"'),
        ("|a|\n|-|\n|1|", "<td>1</td>"),
        ("|a|\n|-|\n|1|", '<table tabindex="0">'),
        ("    code", '<pre tabindex="0">'),
    ],
)
def test_what_is_written_is_shown(text: str, wanted: str) -> None:
    assert wanted in shown(text, a_png=PICTURE, a_exe=b"MZ")


def test_the_heading_that_a_page_begins_with_is_its_title() -> None:
    page = rendered("# Orders & `more`\n\n## Two\n\n### Three\n")
    assert page.title == "Orders & more"
    assert "<h1" not in page.html.text
    assert [(one.id, one.title, one.level) for one in page.headings] == [
        ("doc-two", "Two", 2),
        ("doc-three", "Three", 3),
    ]
    late = rendered("Words.\n\n# Late\n")
    assert late.title == ""
    assert "<h1" in late.html.text


def test_sections_are_what_stands_under_each_heading() -> None:
    page = rendered("# Orders\n\nFirst words.\n\n## Run `it`\n\nType **this** & that.\n")
    assert page.sections == (
        prose.Section("", "Orders", "First words."),
        prose.Section("doc-run-it", "Run it", "Type this & that."),
    )


def test_where_links_lead_is_kept() -> None:
    page = rendered("[x](other.md) [y](gone.md) ![z](a.png) [w](https://a.example)", a_png=b"x")
    assert page.uses == {"other.md": ("other.md", ""), "gone.md": None, "a.png": ("a.png", "")}


def test_pages_of_another_version_lead_to_that_version() -> None:
    bases = prose.Bases(BASE, FILES, "?version=v2")
    page = prose.rendered(site("", a_png=b"x"), "index.md", "[x](other.md#a) ![](a.png)", bases)
    assert f'href="{BASE}/other?version=v2#doc-a"' in page.html.text
    assert f'src="{FILES}/a.png?version=v2"' in page.html.text


def test_a_page_without_end_is_shown_as_its_text() -> None:
    page = rendered("<b>x" * prose.PAGE_CHARACTERS_MAX)
    assert page.html.text.startswith('<pre tabindex="0">&lt;b&gt;x')
    assert "longer than" in page.problem
