"""The page of search: the same box as the palette's, with more of each sort; works by itself."""

from collections.abc import Sequence
from urllib.parse import urlencode

from towpath.capabilities.portal.search.asked import SORTS, Asked, asked_of
from towpath.capabilities.portal.search.found import Found, entity_href, find
from towpath.capabilities.portal.search.palette import offers as own_offers
from towpath.hooks.pages import Page, PageRoute, Visit

SEARCH = "/search"
EACH_MAX = 10
ONE_SORT_MAX = 50
WORDS_CHARACTERS_MAX = 200


async def search(visit: Visit) -> Page:
    text = visit.parameters.get("q", "").strip()[:WORDS_CHARACTERS_MAX]
    sort = visit.parameters.get("in", "")
    asked = asked_of(text, visit.user, sort if sort in SORTS else "")
    others = [source for source in visit.offers if source is not own_offers]
    limit = ONE_SORT_MAX if asked.sort else EACH_MAX
    found = await find(visit, asked, limit=limit, sources=others) if text else Found()
    data = {
        "text": text,
        "asked": asked,
        "found": found,
        "entities": [(one, entity_href(one)) for one in found.entities],
        "sorts": _sorts(text, asked),
        "here": {"in": asked.sort} if asked.sort else {},
    }
    return Page("search/search.html", data, title=f"{text} - Search" if text else "Search")


def _sorts(text: str, asked: Asked) -> Sequence[dict[str, object]]:
    """Each sort of things by itself, and all of them."""
    sorts = {"": "Everything", **SORTS}
    return [
        {
            "label": label,
            "href": f"{SEARCH}?{urlencode({'q': text, **({'in': sort} if sort else {})})}",
            "current": sort == asked.sort,
        }
        for sort, label in sorts.items()
    ]


PAGES = (PageRoute(SEARCH, search, "Search"),)
