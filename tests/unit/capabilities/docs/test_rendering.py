"""The process that renders: it answers, it is killed where it is late, and comes again."""

from collections.abc import Iterator

import pytest

from towpath.capabilities.portal.docs.prose import Bases
from towpath.capabilities.portal.docs.rendering import Renderer, Work

WORK = Work(["index.md", "ops.md"], "index.md", Bases("/docs/demo/component/orders", "/files"))


@pytest.fixture
def renderer() -> Iterator[Renderer]:
    renderer = Renderer()
    yield renderer
    renderer.close()


def test_pages_are_rendered_in_a_process_of_their_own(renderer: Renderer) -> None:
    done = renderer.render(WORK, {"index.md": "# A\n\n[x](ops.md)\n", "ops.md": "## B\n"})
    assert done["index.md"].title == "A"
    assert 'href="/docs/demo/component/orders/ops"' in done["index.md"].html.text
    assert [one.title for one in done["ops.md"].headings] == ["B"]


def test_a_page_that_takes_too_long_is_shown_as_its_text_and_costs_no_other() -> None:
    late = Renderer(page_s_max=0.0)
    try:
        done = late.render(WORK, {"index.md": "# <A>\n", "ops.md": "## B\n"})
    finally:
        late.close()
    for path, text in (("index.md", "# &lt;A&gt;"), ("ops.md", "## B")):
        assert text in done[path].html.text
        assert "took longer than 0 s" in done[path].problem


def test_it_comes_again_after_it_was_closed(renderer: Renderer) -> None:
    for _ in range(2):
        assert renderer.render(WORK, {"index.md": "# A\n"})["index.md"].title == "A"
        renderer.close()
