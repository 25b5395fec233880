"""What both searches are asked. Two engines rank in two ways: what is found is a set here."""

from urllib.parse import quote

from tests.parity.catalog.asked import Asked

_ALL = "pageLimit=100"


def _search(*queries: str) -> list[Asked]:
    return [Asked("GET", f"/query?{query}", api="/api/search") for query in queries]


SEARCHED = _search(
    f"term=&{_ALL}",
    f"{_ALL}&filters[kind]=Component",
    f"{_ALL}&filters[kind]=component",
    f"{_ALL}&filters[kind][0]=API",
    f"{_ALL}&filters[kind]=API&filters[type]=grpc",
    f"{_ALL}&filters[lifecycle]=deprecated",
    f"{_ALL}&filters[type]=service&filters[lifecycle]=production",
    f"{_ALL}&filters[nothing]=x",
    f"{_ALL}&types[0]=software-catalog&filters[kind]=User",
    f"{_ALL}&types[]=software-catalog&filters[kind]=Group",
    f"{_ALL}&term=unfindable",
    f"{_ALL}&term=weather",
    "term=&types[]=unheard",
    "term=a&pageLimit=101",
    "term=a&pageLimit=x",
    f"term={'a' * 101}",
    f"term={quote('a' * 100)}&{_ALL}",
)
