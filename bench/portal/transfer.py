"""What a first visit transfers: JavaScript and style sheet as a browser gets them, compressed."""

import re

from bench.portal.visitor import Visitor

SCRIPT = re.compile(rb'src="(/static/[^"]+\.js)"')
STYLE = re.compile(rb'href="(/static/[^"]+\.css)"')


async def measure(visitor: Visitor, page: str) -> dict[str, object]:
    """Of a page."""
    html = (await visitor.get(page)).body
    scripts = {
        one.decode(): (
            len((await visitor.get(one.decode())).body),
            await _transferred(visitor, one.decode()),
        )
        for one in SCRIPT.findall(html)
    }
    styles = [one.decode() for one in STYLE.findall(html)]
    return {
        "javascript_files": len(scripts),
        "javascript_bytes": sum(plain for plain, _ in scripts.values()),
        "javascript_transferred_bytes": sum(sent for _, sent in scripts.values()),
        "css_transferred_bytes": sum([await _transferred(visitor, one) for one in styles]),
        "html_bytes": len(html),
    }


async def _transferred(visitor: Visitor, address: str) -> int:
    answer = await visitor.get(address, accept_encoding="gzip")
    assert answer.status == 200, f"{address}: {answer.status}"
    return len(answer.body)
