"""Which FlowSchema takes a request: the first by precedence and name of those with a level."""

from collections.abc import Callable

import orjson
from msgspec import Struct

from towpath.apiserver.flows.defaults import FLOW_SCHEMA, PRIORITY_LEVEL
from towpath.apiserver.registry import collection_of
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo
from towpath.store.contract import Event, Store

KEPT_MAX = 4096
"""Of answers that are remembered."""
KEPT_LENGTH_MAX = 4096
"""Of the texts of one question, which clients make up."""
ALL = "*"


class Question(Struct, frozen=True):
    """What a rule looks at. `resource` has its subresource behind it; "" for a path."""

    verb: str
    path: str
    group: str = ""
    resource: str = ""
    namespace: str = ""


class Flow(Struct, frozen=True):
    """Where a request belongs."""

    schema: str
    level: str
    is_exempt: bool
    headers: tuple[tuple[bytes, bytes], ...]


class Flows:
    """Follows both kinds in a store."""

    def __init__(self, store: Store) -> None:
        self.schemas: dict[str, RawObject] = {}
        self.levels: dict[str, RawObject] = {}
        self.changed: Callable[[], None] = lambda: None
        """Called after each change of one of them."""
        self._ordered: list[tuple[RawObject, Flow]] = []
        self._kept: dict[tuple[str, tuple[str, ...], Question], Flow | None] = {}
        self._follow(store, FLOW_SCHEMA, self.schemas)
        self._follow(store, PRIORITY_LEVEL, self.levels)
        self._order()

    def flow_of(self, user: UserInfo, question: Question) -> Flow | None:
        """None before there are any."""
        key = (user.name, user.groups, question)
        try:
            return self._kept[key]
        except KeyError:
            pass
        found = self._find(user, question)
        asked = (question.path, question.group, question.resource, question.namespace)
        if sum(map(len, (user.name, *user.groups, *asked))) <= KEPT_LENGTH_MAX:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[key] = found
        return found

    def _find(self, user: UserInfo, question: Question) -> Flow | None:
        for spec, flow in self._ordered:
            for rule in spec.get("rules") or ():
                if _takes_user(rule, user) and _takes_request(rule, question):
                    return flow
        return None

    def _follow(self, store: Store, kind: Resource, known: dict[str, RawObject]) -> None:
        collection = collection_of(kind.group, kind.plural)

        def observe(event: Event) -> None:
            obj = orjson.loads(event.value)
            if event.deleted:
                known.pop(obj["metadata"]["name"], None)
            else:
                known[obj["metadata"]["name"]] = obj
            self._order()
            self.changed()

        store.observe(collection, observe)
        for key, stored in store.scan(collection):
            known[key] = orjson.loads(stored.value)

    def _order(self) -> None:
        self._kept.clear()
        ordered = sorted(
            (obj["spec"].get("matchingPrecedence", 0), name, obj)
            for name, obj in self.schemas.items()
        )
        self._ordered = [
            (obj["spec"], _flow(obj, self.levels[level]))
            for _, _, obj in ordered
            if (level := level_of(obj)) in self.levels
        ]


def level_of(schema: RawObject) -> str:
    name: str = (schema["spec"].get("priorityLevelConfiguration") or {}).get("name", "")
    return name


def _flow(schema: RawObject, level: RawObject) -> Flow:
    uids = ((b"flowschema", schema), (b"prioritylevel", level))
    return Flow(
        schema["metadata"]["name"],
        level["metadata"]["name"],
        level["spec"].get("type") == "Exempt",
        tuple(
            (b"x-kubernetes-pf-%b-uid" % name, obj["metadata"]["uid"].encode())
            for name, obj in uids
        ),
    )


def _takes_user(rule: RawObject, user: UserInfo) -> bool:
    for subject in rule.get("subjects") or ():
        match subject.get("kind"):
            case "User":
                if (subject.get("user") or {}).get("name") in (ALL, user.name):
                    return True
            case "Group":
                if (name := (subject.get("group") or {}).get("name")) == ALL or name in user.groups:
                    return True
            case "ServiceAccount":
                if _is_account(subject.get("serviceAccount") or {}, user.name):
                    return True
    return False


def _is_account(subject: RawObject, user: str) -> bool:
    prefix = f"system:serviceaccount:{subject.get('namespace', '')}:"
    name = subject.get("name", "")
    return user.startswith(prefix) if name == ALL else user == prefix + name


def _takes_request(rule: RawObject, question: Question) -> bool:
    if not question.resource:
        return any(
            _has(each, "verbs", question.verb) and _takes_path(each, question.path)
            for each in rule.get("nonResourceRules") or ()
        )
    return any(
        _has(each, "verbs", question.verb)
        and _has(each, "apiGroups", question.group)
        and _has(each, "resources", question.resource)
        and (
            _has(each, "namespaces", question.namespace)
            if question.namespace
            else bool(each.get("clusterScope"))
        )
        for each in rule.get("resourceRules") or ()
    )


def _has(rule: RawObject, field: str, value: str) -> bool:
    values = rule.get(field) or ()
    return ALL in values or value in values


def _takes_path(rule: RawObject, path: str) -> bool:
    return any(
        url in (ALL, path) or (url.endswith("/*") and path.startswith(url[:-1]))
        for url in rule.get("nonResourceURLs") or ()
    )
