"""What a first visit transfers: JavaScript and style sheet as a browser gets them, compressed."""

import re

from bench.portal.visitor import Visitor

SCRIPT = re.compile(rb'src="(/static/[^"]+\.js)"|href="(/static/[^"]+\.js)"')
STYLE = re.compile(rb'href="(/static/[^"]+\.css)"')
IMPORTED = re.compile(rb'(?:from|import)\s*\(?"(\./[^"]+\.js)"')


async def measure(visitor: Visitor, page: str) -> dict[str, object]:
    """Of a page and everything that its scripts import, now or later."""
    html = (await visitor.get(page)).body
    waiting = [(one or other).decode() for one, other in SCRIPT.findall(html)]
    scripts: dict[str, tuple[int, int]] = {}
    while waiting:
        address = waiting.pop()
        if address in scripts:
            continue
        plain = (await visitor.get(address)).body
        scripts[address] = len(plain), await _transferred(visitor, address)
        folder = address.rpartition("/")[0]
        waiting += [f"{folder}/{name.decode()[2:]}" for name in IMPORTED.findall(plain)]
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
