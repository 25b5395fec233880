"""Two API servers asked the same, and what their answers have in common.

A sequence is a list of steps written once; `{ns}` stands for a namespace (and a group name) of its
own. Answers are compared after what differs between any two servers has been taken out: uids,
times, versions, generated names. What then differs and may differ is in `ACCEPTED`, with a reason
in docs/reference/differences.md.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson
import yaml

Json = Any
Change = Callable[[dict[str, Json]], Json]

UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ADDRESS = re.compile(r"https?://(127\.0\.0\.1|localhost):\d+")
GENERATED = re.compile(r"(?<=generated-)[a-z0-9]{5}\b")
ISSUER = re.compile(r"https://(kubernetes\.default\.svc|towpath\.dev/test)")
VERSION_IN_TEXT = re.compile(r'(resourceVersion\\+":\\+"|ResourceVersion in record \()\d+')
TOKEN = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")
AGE = re.compile(r"^\d+s$")
PREFIX = re.compile(r"Key: /registry-\d+")
"""Of what the control plane of a test has in etcd."""
DEADLINE_S = 30.0
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Step:
    method: str
    path: str
    body: Json = None
    query: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    accept: str = "application/json"
    user: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent besides; an `authorization` replaces the administrator's token."""
    keep: Callable[[Json], str] | None = None
    """What later steps call `{kept}`, out of the body of the answer."""
    change: Change | None = None
    """The body is made of what a GET of the path answers."""
    until: Callable[[int, Json], bool] | None = None
    """Ask again until this is true of status and body."""
    quiet: bool = False
    """Preparation: the answers are not compared."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    warnings: tuple[str, ...]
    content_type: str
    body: Json


def get(path: str, **options: Any) -> Step:
    return Step("GET", path, **options)


def post(path: str, body: Json, **options: Any) -> Step:
    return Step("POST", path, body, **options)


def put(path: str, change: Change | Json, **options: Any) -> Step:
    if callable(change):
        return Step("PUT", path, change=change, **options)
    return Step("PUT", path, change, **options)


def patch(path: str, body: Json, content_type: str = MERGE, **options: Any) -> Step:
    return Step("PATCH", path, body, content_type=content_type, **options)


def apply(path: str, body: Json, manager: str = "one", force: bool = False, **options: Any) -> Step:
    query = {"fieldManager": manager, **({"force": "true"} if force else {})}
    query |= options.pop("query", {})
    return Step("PATCH", path, body, query=query, content_type=APPLY, **options)


def delete(path: str, body: Json = None, **options: Any) -> Step:
    return Step("DELETE", path, body, **options)


@dataclass(slots=True)
class Side:
    """One of the two servers."""

    http: httpx2.AsyncClient
    namespace: str = ""
    kept: str = ""
    seen: dict[str, str] = field(default_factory=dict)
    """`{uid}`, `{version}` and `{continue}` in a later step: as last answered."""

    async def run(self, steps: Sequence[Step], namespace: str) -> list[Answer]:
        self.namespace = namespace
        made = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace},
        }
        created = await self.http.post("/api/v1/namespaces", json=made)
        assert created.status_code == 201, created.text
        answers = []
        for step in steps:
            answer = await self.take(step)
            if not step.quiet:
                answers.append(answer)
        return answers

    async def take(self, step: Step) -> Answer:
        last: Json = None
        with _waiting_for(step, lambda: last):
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    response = await self._send(step)
                    body = _decoded(response)
                    if step.until is None or step.until(response.status_code, body):
                        self._remember(body)
                        if step.keep is not None:
                            self.kept = step.keep(body)
                        return self._normal(response)
                    last = body
                    await asyncio.sleep(0.05)

    async def _send(self, step: Step) -> httpx2.Response:
        headers = {"accept": step.accept}
        headers |= {name: self._named(value) for name, value in step.headers.items()}
        if step.user:
            headers["impersonate-user"] = self._named(step.user)
            headers["impersonate-group"] = "system:authenticated"
        path = self._named(step.path)
        content: bytes | None = None
        if step.change is not None:
            live = (await self.http.get(path)).json()
            content = orjson.dumps(step.change(live))
        elif isinstance(step.body, str | bytes):
            content = self._named(
                step.body if isinstance(step.body, str) else step.body.decode()
            ).encode()
        elif step.body is not None:
            content = self._named(orjson.dumps(step.body).decode()).encode()
        if content is not None:
            headers["content-type"] = step.content_type
        query = {name: self._named(value) for name, value in step.query.items()}
        return await self.http.request(
            step.method, path, params=query or None, headers=headers, content=content
        )

    def _named(self, text: str) -> str:
        text = text.replace("{ns}", self.namespace).replace("{kept}", self.kept)
        for name, value in self.seen.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _remember(self, body: Json) -> None:
        metadata = body.get("metadata") if isinstance(body, dict) else None
        if isinstance(metadata, dict):
            for name, key in SEEN.items():
                if isinstance(metadata.get(key), str) and metadata[key]:
                    self.seen[name] = metadata[key]

    def _normal(self, response: httpx2.Response) -> Answer:
        content_type = response.headers.get("content-type", "")
        text = response.text
        if "yaml" in content_type:
            text = orjson.dumps(yaml.safe_load(text)).decode()
        text = text.replace(self.namespace, "{ns}")
        text = UID.sub("<uid>", text)
        text = TIME.sub("<time>", text)
        text = PREFIX.sub("Key: /registry", ADDRESS.sub("<server>", text))
        text = GENERATED.sub("<five>", text)
        text = VERSION_IN_TEXT.sub(r"\1", text)
        text = TOKEN.sub("<token>", ISSUER.sub("<issuer>", text))
        body = _events(text)
        warnings = tuple(
            value.replace(self.namespace, "{ns}")
            for name, value in response.headers.multi_items()
            if name.lower() == "warning"
        )
        return Answer(response.status_code, warnings, content_type, _plain(body))


@contextmanager
def _waiting_for(step: Step, last: Callable[[], Json]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        said = f"{step.method} {step.path}: still {orjson.dumps(last()).decode()[-1500:]}"
        raise AssertionError(said) from error


def _events(text: str) -> Json:
    """One answer in JSON, or the events of a watch; any other text as it is."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return [orjson.loads(line) for line in text.splitlines()]
    except orjson.JSONDecodeError:
        return text


def _decoded(response: httpx2.Response) -> Json:
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return response.text


SEEN = {"uid": "uid", "version": "resourceVersion", "continue": "continue"}
UNORDERED = frozenset({"resourceRules", "nonResourceRules"})
VERSIONS = frozenset({"resourceVersion", "remainingItemCount", "continue"})


def _plain(value: Json) -> Json:
    """Without what only tells one server's history from another's."""
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, str):
        return AGE.sub("<age>", value)
    if not isinstance(value, dict):
        return value
    for name in UNORDERED & value.keys():
        value[name] = sorted(value[name] or (), key=orjson.dumps)
    if isinstance(value.get("managedFields"), list):
        value["managedFields"].sort(key=_manager)
    return {
        name: f"<{name}>" if name in VERSIONS and isinstance(inner, str | int) else _plain(inner)
        for name, inner in value.items()
        if not _is_noise(name, inner, value)
    }


def _manager(entry: Json) -> tuple[str, ...]:
    """Theirs are by time, to the second."""
    return tuple(str(entry.get(name)) for name in ("operation", "manager", "subresource"))


def _is_noise(name: str, inner: Json, holder: dict[str, Json]) -> bool:
    """Times of managedFields, and details that say nothing."""
    return (name == "time" and "fieldsV1" in holder) or (name == "details" and not inner)


def differences(step: Step, kube: Answer, ours: Answer) -> list[str]:
    """One line each: where, what Kubernetes says, what we say."""
    if _refuses_only_factors(kube.body) and ours.status in (200, 201):
        return ["factors-below-one"]
    found: list[str] = []
    _compare("status", kube.status, ours.status, found)
    _compare("warnings", sorted(kube.warnings), sorted(ours.warnings), found)
    _compare("content-type", kube.content_type, ours.content_type, found)
    theirs, mine = _in_one_order(*_values_alike(_without_diffs(kube.body), ours.body))
    if (lines := _lines(theirs)) and lines == _lines(mine):
        mine = {**mine, "message": theirs["message"]}
    _compare("", theirs, mine, found)
    return found


GO_VALUE = re.compile(
    r'(Invalid|Unsupported) value: (\{[^\n]*"[A-Z]\w*":[^\n]*\}|\[\{"[A-Z][^\n]*\}\])'
)
ANY_VALUE = re.compile(r"(Invalid|Unsupported) value: ([\[{][^\n]*[\]}])(?=$|: )")
"""What is shown of a bad value that is an object."""


EMPTY_VALUE = re.compile(r"value: \{\}(?=$|:)")


def _values_alike(kube: Json, ours: Json) -> tuple[Json, Json]:
    """Where theirs shows a struct of Go, with Go's names of fields, only that one is shown counts
    (`go-field-names`); an empty map that was sent is null here (`empty-maps`)."""
    kube, ours = (
        _said(body, lambda text: EMPTY_VALUE.sub("value: null", text)) for body in (kube, ours)
    )
    if not any(GO_VALUE.search(str(cause.get("message"))) for cause in _causes(kube)):
        return kube, ours
    return _without_values(kube), _without_values(ours)


def _without_values(body: Json) -> Json:
    return _said(body, lambda text: ANY_VALUE.sub(r"\1 value: <value>", text))


def _said(body: Json, plain: Callable[[str], str]) -> Json:
    """The same refusal with each of its causes in plainer words."""
    causes = _causes(body)
    words = [plain(str(cause.get("message"))) for cause in causes]
    message = str(body.get("message")) if causes else ""
    for cause, said in zip(causes, words, strict=True):
        message = message.replace(str(cause.get("message")), said)
    if not causes:
        return body
    told = [{**cause, "message": said} for cause, said in zip(causes, words, strict=True)]
    return {**body, "message": message, "details": {**body["details"], "causes": told}}


def _refuses_only_factors(body: Json) -> bool:
    """Nothing but that a whole number is a multiple of a factor below one."""
    said = [str(cause.get("message")) for cause in _causes(body)]
    return bool(said) and all("factor MultipleOf declared" in words for words in said)


def _in_one_order(kube: Json, ours: Json) -> tuple[Json, Json]:
    """Two lists of the same mistakes are the same: theirs is in another order each time."""
    found = [_causes(body) for body in (kube, ours)]
    if not all(found):
        return kube, ours
    in_order = [sorted(causes, key=_place) for causes in found]
    theirs, mine = (
        {**body, "details": {**body["details"], "causes": causes}}
        for body, causes in zip((kube, ours), in_order, strict=True)
    )
    if in_order[0] == in_order[1]:
        mine["message"] = theirs["message"]
    return theirs, mine


def _place(cause: Json) -> list[str]:
    return [str(cause.get(name)) for name in ("field", "reason", "message")]


def _lines(body: Json) -> list[str]:
    """Of a message that lists mistakes line by line."""
    message = body.get("message") if isinstance(body, dict) else None
    is_list = isinstance(message, str) and "errors:\n" in message
    return sorted(message.splitlines()) if is_list else []


def _causes(body: Json) -> list[Json]:
    details = body.get("details") if isinstance(body, dict) else None
    return (details.get("causes") or []) if isinstance(details, dict) else []


DIFF = re.compile(
    r"(immutable after creation[^\n,]*|if it was previously negative\)|bound claims)\n.*", re.DOTALL
)
"""After some refusals of a change Kubernetes shows what changed in Go's structs
(`diffs-of-specs`)."""


def _without_diffs(body: Json) -> Json:
    return _said(body, lambda text: DIFF.sub(r"\1", text))


ABSENT = "(absent)"


def _compare(where: str, kube: Json, ours: Json, found: list[str]) -> None:
    if isinstance(kube, dict) and isinstance(ours, dict):
        for name in [*kube, *(name for name in ours if name not in kube)]:
            inner = f"{where}.{name}".lstrip(".")
            _compare(inner, kube.get(name, ABSENT), ours.get(name, ABSENT), found)
    elif isinstance(kube, list) and isinstance(ours, list) and len(kube) == len(ours):
        for index, (left, right) in enumerate(zip(kube, ours, strict=True)):
            _compare(f"{where}[{index}]", left, right, found)
    elif _is_long(kube) and _is_long(ours):
        # Beyond 64 bits it is one of floating point, however it is written.
        if float(kube) != float(ours):
            found.append(f"{where}: kubernetes {kube} | ours {ours}")
    elif kube != ours or type(kube) is not type(ours):
        found.append(f"{where}: kubernetes {_short(kube)} | ours {_short(ours)}")


def _is_long(value: Json) -> bool:
    return type(value) in (int, float) and abs(value) >= 2**63


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= 400 else text[:400] + "..."
