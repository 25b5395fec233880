"""What both catalogues are asked: every endpoint, every form of a filter, and what must be refused.

`{uid:REF}` in an address or body stands for the uid that this catalogue gave the entity.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    address: str
    body: Any = None
    is_sorted: bool = False
    """Whether the order of what is answered is promised: else it is compared by reference."""
    walks: bool = False
    """Follow the cursors to the end, and back again."""
    content_type: str = "application/json"
    api: str = "/api/catalog"

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.method, self.address, _short(self.body))))


def _short(body: Any) -> str:
    return "" if body is None else str(body)


HERE = "http://localhost:7190"
"""Where the corpus is read from."""


def get(*addresses: str, **more: Any) -> list[Asked]:
    return [Asked("GET", address, **more) for address in addresses]


def _filters(*filters: str) -> list[Asked]:
    """Asked of the list, which is in an order of its own."""
    return get(
        *(
            "/entities?fields=kind,metadata.name&"
            + "&".join(f"filter={quote(one, safe='')}" for one in several.split(" | "))
            for several in filters
        )
    )


def _query(**body: Any) -> Asked:
    return Asked("POST", "/entities/by-query", body)


def _predicates(*queries: Any) -> list[Asked]:
    return [_query(query=one, fields=["metadata.name"]) for one in queries]


def post(address: str, *bodies: Any) -> list[Asked]:
    return [Asked("POST", address, body) for body in bodies]


ENTITIES = get("/entities")

FILTERS = _filters(
    "kind=component",
    "kind=Component",
    "KIND=COMPONENT",
    "kind=component,spec.type=service",
    "kind=user | kind=group",
    "kind=user,kind=group",
    "kind",
    "kind=",
    "spec.system",
    "spec.system=",
    "spec.nothing",
    "metadata.tags=java",
    "metadata.tags.java",
    "metadata.tags.java=true",
    "metadata.tags.java=false",
    "metadata.tags.java,metadata.tags.grpc",
    "metadata.tags=java,metadata.tags=grpc",
    "metadata.tags=C++",
    "metadata.tags=a:b",
    'metadata.title=Ünïcode ✓ <b>bold</b> & "quotes"',
    "metadata.name=123",
    "metadata.name= berth-planner ",
    " metadata.name = berth-planner , kind = component ",
    "metadata.annotations.example.com/with.dots=a=b",
    "metadata.annotations.example.com/phone=17",
    "metadata.annotations.example.com/empty",
    "metadata.annotations.example.com/empty=",
    "metadata.annotations.example.com/long",
    "metadata.annotations.backstage.io/orphan=true",
    "metadata.labels.tier=gold",
    "metadata.labels.empty=",
    "metadata.links.url=https://board.example/berths",
    "metadata.links",
    "metadata.namespace=quay",
    "metadata.namespace=default,kind=group",
    "spec.replicas=3",
    "spec.ratio=0.5",
    "spec.big=1000000",
    "spec.flag=true",
    "spec.list=two",
    "spec.list.two",
    "spec.list.TWO=true",
    "spec.list=3",
    "spec.list.name=four",
    "spec.nested.a.b",
    "spec.nested.a.b=dotted",
    "spec.nested.a.b=nested",
    "metadata.anything.people.deep=1",
    "metadata.anything.people=2",
    "metadata.anything.dotted.key=true",
    "metadata.anything.empty",
    "relations.ownedBy=group:default/crane-crew",
    "relations.ownedby=Group:Default/Crane-Crew",
    "relations.ownerOf=component:default/leaf",
    "relations.madeUp",
    "relations.partOf",
    "relations.dependsOn=resource:default/arn:aws:s3:::bucket",
    "relations",
    "apiVersion=backstage.io/v1beta1",
    "spec.nested.a={}",
    "status",
    "spec.profile.displayName=Ada Ägir",
    "kind=nothing",
    "nothing=here",
    "",
    ",,",
    "kind=component,,spec.type=website",
    "metadata.description",
    "spec.type=service, odd",
    "spec.lifecycle=100%",
    "spec.json.c=d",
    "spec.yaml.list=1",
    "metadata.etag",
    "metadata.uid",
    "metadata.uid=x",
) + get(
    "/entities?filter==x",
    "/entities?filter=kind%3Dapi,%3Dx",
    "/entities?filter[]=kind%3Dapi",
    "/entities?filter[a]=kind%3Dapi",
    "/entities?filter=kind%3Dapi&fields=metadata.name&unheard=of",
)

FIELDS = get(
    *(
        f"/entities?filter=metadata.name%3Dodd.letters&fields={fields}"
        for fields in (
            "kind",
            "kind,metadata.name",
            "%20kind%20,%20metadata.name%20",
            "metadata",
            "metadata.annotations.example.com/with.dots",
            "metadata.anything.dotted.key",
            "metadata.anything.people",
            "metadata.anything.people.deep",
            "metadata.tags.0",
            "spec.nested.a.b",
            "spec.nested.a",
            "spec.list",
            "spec.list.length",
            "nothing",
            "nothing.at.all",
            "spec.nothing",
            "relations",
            "relations.type",
            "Kind",
            "",
            ",",
            "metadata.tags[0]",
            "a[0],b[1]",
            "kind&fields=metadata.name",
            "metadata.annotations,metadata.annotations.example.com/long",
            "kind.of",
            "metadata.name.more",
            "spec.type,spec",
        )
    )
)

NAMES = "fields=kind,metadata.namespace,metadata.name"
LISTS = [
    *get(f"/entities?{NAMES}"),
    *get(
        f"/entities?{NAMES}&limit=5",
        f"/entities?{NAMES}&limit=5&offset=5",
        f"/entities?{NAMES}&offset=40",
        f"/entities?{NAMES}&limit=100000",
        f"/entities?{NAMES}&after=eyJsaW1pdCI6Mywib2Zmc2V0IjoyfQ==",
        f"/entities?{NAMES}&after=eyJsaW1pdCI6Mywib2Zmc2V0IjoyfQ==&limit=1",
        is_sorted=True,
    ),
    *get(
        f"/entities?{NAMES}&filter=kind=user&order=asc:metadata.name",
        f"/entities?{NAMES}&filter=kind=user&order=desc:metadata.name",
        f"/entities?{NAMES}&order=asc:spec.profile.email&order=asc:metadata.name&filter=kind=user",
        f"/entities?{NAMES}&order=desc:kind&order=asc:metadata.name&limit=7",
        f"/entities?{NAMES}&order=asc:spec.profile.email&limit=2",
        f"/entities?{NAMES}&filter=kind=user&order=asc:metadata.Name",
        is_sorted=True,
    ),
    *get(
        "/entities?limit=0",
        "/entities?limit=-1",
        "/entities?limit=x",
        "/entities?limit=",
        "/entities?limit=1.5",
        "/entities?limit=5&limit=6",
        "/entities?offset=-1",
        "/entities?offset=x",
        "/entities?after=",
        "/entities?after=x",
        "/entities?after=eyJsaW1pdCI6IngifQ==",
        "/entities?after=eyJvZmZzZXQiOiJ4In0=",
        "/entities?order=metadata.name",
        "/entities?order=up:metadata.name",
        "/entities?order=asc:",
        "/entities?order=",
    ),
]

QUERIES = [
    *get(
        "/entities/by-query",
        "/entities/by-query?filter=kind=component&fields=metadata.name",
        "/entities/by-query?limit=0",
        "/entities/by-query?limit=0&filter=kind=api",
        "/entities/by-query?filter=kind=user&totalItems=exclude&fields=metadata.name",
        "/entities/by-query?totalItems=maybe",
        "/entities/by-query?limit=-1",
        "/entities/by-query?limit=x",
        "/entities/by-query?limit=1.5",
        "/entities/by-query?offset=x",
        "/entities/by-query?offset=-1",
        "/entities/by-query?offset=1000",
        "/entities/by-query?cursor=",
        "/entities/by-query?cursor=x",
        "/entities/by-query?cursor=e30=",
        "/entities/by-query?orderField=",
        "/entities/by-query?orderField=metadata.name,up",
        "/entities/by-query?orderField=,asc",
        "/entities/by-query?filter==x",
        "/entities/by-query?fields=a[0]",
        "/entities/by-query?fullTextFilterTerm=a&fullTextFilterTerm=b",
    ),
    *get(
        f"/entities/by-query?{NAMES}&filter=kind=user&orderField=metadata.name",
        f"/entities/by-query?{NAMES}&filter=kind=user&orderField=metadata.name,asc",
        f"/entities/by-query?{NAMES}&filter=kind=user&orderField=metadata.name,desc",
        f"/entities/by-query?{NAMES}&filter=kind=user&orderField=METADATA.NAME,desc",
        f"/entities/by-query?{NAMES}&filter=kind=user&orderField=metadata.name&limit=1&offset=1",
        f"/entities/by-query?{NAMES}&orderField=spec.profile.email",
        f"/entities/by-query?{NAMES}&orderField=spec.profile.email,desc&limit=1",
        f"/entities/by-query?{NAMES}&orderField=spec.profile.email&orderField=metadata.name,desc",
        f"/entities/by-query?{NAMES}&orderField=spec.unheard.of",
        f"/entities/by-query?{NAMES}&orderField=metadata.annotations.example.com/long",
        f"/entities/by-query?{NAMES}&orderField=metadata.title",
        f"/entities/by-query?{NAMES}&filter=kind=component&orderField=metadata.tags&limit=3",
        is_sorted=True,
    ),
    *get(
        *(
            f"/entities/by-query?{NAMES}&{text}"
            for text in (
                "fullTextFilterTerm=berth",
                "fullTextFilterTerm=berth&fullTextFilterFields=metadata.name",
                "fullTextFilterTerm=BERTH&fullTextFilterFields=metadata.name,metadata.description",
                "fullTextFilterTerm=BERTH&fullTextFilterFields=metadata.name&fullTextFilterFields=metadata.description",
                "fullTextFilterTerm=berth&orderField=metadata.name",
                "fullTextFilterTerm=berth&orderField=metadata.title",
                "fullTextFilterTerm=%20berth%20&fullTextFilterFields=metadata.name",
                "fullTextFilterTerm=%25&fullTextFilterFields=metadata.name",
                "fullTextFilterTerm=t_d&fullTextFilterFields=metadata.name",
                "fullTextFilterTerm=&fullTextFilterFields=metadata.name",
                "fullTextFilterTerm=ada&fullTextFilterFields=spec.profile.displayName,metadata.name",
                "fullTextFilterTerm=java&fullTextFilterFields=metadata.tags",
                "fullTextFilterTerm=crane&fullTextFilterFields=relations.ownedBy",
                "fullTextFilterTerm=x&fullTextFilterFields=unheard.of",
                "fullTextFilterTerm=berth&fullTextFilterFields=Metadata.NAME&filter=kind=system",
            )
        )
    ),
    *get(
        f"/entities/by-query?{NAMES}&filter=kind=component&orderField=metadata.name,asc&limit=4",
        f"/entities/by-query?{NAMES}&filter=kind=component&orderField=metadata.name,desc&limit=4",
        f"/entities/by-query?{NAMES}&filter=kind=user&orderField=metadata.name,asc&limit=3",
        f"/entities/by-query?{NAMES}&filter=kind=user&orderField=metadata.name,asc&limit=1",
        is_sorted=True,
        walks=True,
    ),
    *get(f"/entities/by-query?{NAMES}&filter=kind=user&limit=2", walks=True),
    *_predicates(
        {"kind": "component"},
        {"KIND": "Component", "spec.type": "service"},
        {"$all": [{"kind": "component"}, {"metadata.tags.java": True}]},
        {"$all": []},
        {"$any": []},
        {"$any": [{"kind": "user"}, {"kind": "group"}]},
        {"$not": {"kind": "component"}},
        {"$not": {"$any": [{"kind": "component"}, {"kind": "api"}]}},
        {"$not": {"$all": []}},
        {},
        {"spec.system": {"$exists": True}},
        {"spec.system": {"$exists": False}},
        {"spec.owner": {"$in": ["crane-crew", "Harbour"]}},
        {"spec.owner": {"$in": []}},
        {"metadata.tags": {"$contains": "java"}},
        {"spec.list": {"$contains": 3}},
        {"metadata.name": {"$hasPrefix": "Berth"}},
        {"metadata.name": {"$hasPrefix": ""}},
        {"metadata.name": {"$hasPrefix": "b%"}},
        {"metadata.name": {"$hasPrefix": "b_r"}},
        {"spec.replicas": 3},
        {"spec.ratio": 0.5},
        {"spec.flag": True},
        {"relations": {"$contains": {"type": "ownedBy"}}},
        {"relations": {"$contains": {"type": "ownedBy", "targetRef": "group:default/harbour"}}},
        {"relations": {"$contains": {"Type": "OWNEDBY", "TARGETREF": "GROUP:default/harbour"}}},
        {
            "relations": {
                "$contains": {
                    "type": "ownedBy",
                    "targetRef": {"$in": ["group:default/harbour", "user:default/ada"]},
                }
            }
        },
        {"relations": {"$contains": {"targetRef": "group:default/harbour"}}},
        {"relations": {"$contains": {"type": "ownedBy", "targetRef": {"$in": []}}}},
        {"relations": {"$contains": {"type": "ownedBy", "other": "x"}}},
        {"relations": {"$contains": {"type": 1}}},
        {"relations": {"$contains": {}}},
        {"relations": {"$contains": {"type": "ownedBy", "targetRef": 3}}},
        {"relations.ownedBy": "group:default/harbour"},
        {"metadata.links": {"$contains": {"url": "x"}}},
        {"metadata.name": {"$contains": "leaf"}},
        {"metadata.name": None},
        {"metadata.name": ["leaf"]},
        {"metadata.name": {"$unheard": 1}},
        {"metadata.name": {"plain": "object"}},
        {"metadata.name": {"$exists": "yes"}},
        {"metadata.name": {"$in": "leaf"}},
        {"metadata.name": {"$in": [None]}},
        {"metadata.name": {"$hasPrefix": 1}},
        {"metadata.name": {"$in": ["leaf"], "$exists": True}},
        {"metadata.name": {"$exists": True, "more": 1}},
        {"$unheard": []},
        {"$all": {}},
        {"$all": [], "kind": "component"},
        {"$any": ["component"]},
        {"$not": "component"},
        {"$not": []},
        "component",
        3,
        [],
        None,
    ),
    _query(),
    _query(limit=2, orderBy=[{"field": "metadata.name", "order": "asc"}], fields=["metadata.name"]),
    _query(
        query={"kind": "user"},
        orderBy=[{"field": "metadata.name", "order": "desc"}],
        offset=1,
        fields=["kind", "metadata.name"],
    ),
    _query(orderBy=[{"field": "metadata.name", "order": "up"}]),
    _query(orderBy=[{"field": "metadata.name"}]),
    _query(orderBy="metadata.name"),
    _query(orderBy=[]),
    _query(fields=[], limit=1, query={"metadata.name": "leaf"}),
    _query(fields=["a[0]"]),
    _query(fields="kind"),
    _query(fields=["metadata.name,kind"], query={"metadata.name": "leaf"}),
    _query(totalItems="exclude", query={"kind": "user"}, fields=["metadata.name"]),
    _query(totalItems="maybe"),
    _query(limit="2"),
    _query(limit=-1),
    _query(limit=0),
    _query(cursor=""),
    _query(cursor="x"),
    _query(cursor=3),
    _query(unheard="of", query={"kind": "user"}, fields=["metadata.name"]),
    _query(fullTextFilter={"term": "berth"}, fields=["metadata.name"]),
    _query(
        fullTextFilter={"term": "berth", "fields": ["metadata.name"]},
        fields=["metadata.name"],
        query={"kind": "component"},
    ),
    _query(fullTextFilter={}, query={"kind": "user"}, fields=["metadata.name"]),
    _query(fullTextFilter="berth"),
    Asked("POST", "/entities/by-query", content_type=""),
    Asked("POST", "/entities/by-query", "kind=user", content_type="text/plain"),
    Asked("POST", "/entities/by-query", []),
    Asked(
        "POST",
        "/entities/by-query",
        {
            "query": {"kind": "component"},
            "orderBy": [{"field": "metadata.name", "order": "asc"}],
            "limit": 5,
            "fields": ["metadata.name"],
        },
        is_sorted=True,
        walks=True,
    ),
]
