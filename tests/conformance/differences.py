"""Differences from kube-apiserver that we accept; docs/reference/differences.md says why."""

import re
from dataclasses import dataclass

from tests.conformance.sides import Step


@dataclass(frozen=True, slots=True)
class Accepted:
    name: str
    """Also the row of docs/reference/differences.md."""
    line: str
    """A regular expression of the difference's line."""
    path: str = ""
    """A regular expression of the request's method and path."""
    body: str = ""
    """A regular expression of the request's body."""
    query: str = ""
    """A regular expression of its query: `name=value&...`."""
    written: bool = False
    """Of written sequences only: in the namespaces of drawn ones no controller works."""


ANY = r"^(status|message|reason|details|code|kind|apiVersion|metadata|spec)"
WORDS = r"^(message|details)"
PARSERS = (
    r"^(message|details.causes\[0\].message): .*(patch: Invalid value|\\\"apiVersion\\\":"
    r"|json parse error|error decoding|invalid syntax|continue token"
    r"|rejected our request|yaml: |invalid character|json: cannot unmarshal)"
)
ACCEPTED: tuple[Accepted, ...] = (
    Accepted("words-of-parsers", PARSERS),
    Accepted(
        "words-of-webhooks", WORDS + r".*(get version/kind|remove for path|no kind \"Nonsense)"
    ),
    Accepted("words-of-cel", WORDS + r".*expected type of field 'nope'", "mutating"),
    Accepted("managers-of-other-versions", r"^metadata\.managedFields", "PATCH .*v2/.*rods/a"),
    Accepted("conversion-at-once", WORDS + r".*objects, expected", "GET .*rods$"),
    Accepted("empty-lists", r"managedFields.*f:(rules|endpoints|limits)"),
    Accepted(
        "controllers-at-work",
        r"^((items|rows)\[\d+\]\.(object\.)?)?(metadata\.|status)",
        "deployments|cronjobs|ingresses",
        written=True,
    ),
    Accepted(
        "go-field-names", WORDS + r'.*value: [\[{]+\\*"(Name|ID)', "customresourcedefinitions"
    ),
    Accepted("names-of-types", WORDS, "customresourcedefinitions", r"'rule': 'size\(self\)'"),
    Accepted("definitions-at-once", r"^(status|metadata)", "customresourcedefinitions"),
    Accepted("definitions-at-once", r"^metadata.continue", "(widgets|rods|listeds|looses)$"),
    Accepted("controllers-at-work", r"^(items|rows)", "(GET|DELETE) .*(configmaps|accounts)$"),
    Accepted(
        "controllers-at-work",
        r"^((items\[\d+\]|object|rows\[\d+\]\.object|\[\d+\]\.object.*)\.)?"
        r"(metadata\.managedFields|status)",
        "resourcequotas",
    ),
    Accepted("empty-lists", WORDS, body=r"'resources': \{.*'claims': \[\]"),
    Accepted("topology-of-endpoints", r"^metadata\.generation", "slices", "deprecatedTopology"),
    Accepted("annotation-of-daemon-sets", r"metadata\.annotations: .*generation", "daemonsets"),
    Accepted("column-descriptions", r"columnDefinitions"),
    Accepted("groups-not-served", r"^groups", "/apis$"),
    Accepted("go-field-names", r'(Invalid|Unsupported) value: \{\\?"[A-Z]'),
    Accepted("scale-of-nothing", WORDS + ".*accessor error", "widgets"),
    Accepted("factors-below-one", "^factors-below-one$"),
    Accepted("metadata-of-embedded", ANY, "listeds", r"'kind': 'ConfigMap', 'metadata': [^{]"),
    Accepted("format-of-wrong-type", WORDS + r".*must be of type (date|duration|ip|by|ur|uu)"),
    Accepted("posts-to-names", ANY, "POST .*(widgets|listeds|looses)/a"),
    Accepted("patches-of-kinds", "", "PATCH", r"'path': '/(kind|apiVersion)'"),
    Accepted("scale-of-nothing", WORDS, "POST .*widgets", r"'spec': \[\]"),
    Accepted("order-of-managers", r"^metadata\.managedFields", "widgets/w"),
    Accepted("logs-of-no-pod", ANY, "pods/absent/log"),
    Accepted("pods-as-processes", r"^(metadata|spec|rows|items|details|message)", "pods"),
    Accepted("pods-as-processes", ANY, "POST .*pods$", "'requests'"),
    Accepted("pods-as-processes", ANY, "PATCH .*pods/p$"),
    Accepted(
        "server-fields-owned", "managedFields", "services|namespaces$|-two$|-other$|ingresses$"
    ),
    Accepted("controllers-at-work", r"^status\.conditions", "DELETE .*-two$"),
    Accepted("order-of-mistakes", WORDS, "POST .*secrets$", "'controller': True"),
    Accepted("order-of-mistakes", WORDS, "POST .*widgets", "blue.*'max'"),
)


def accepted(step: Step, line: str, *, drawn: bool = False) -> bool:
    request = f"{step.method} {step.path}"
    query = "&".join(f"{name}={value}" for name, value in step.query.items())
    return any(
        not (drawn and entry.written)
        and re.search(entry.line, line)
        and re.search(entry.path, request)
        and re.search(entry.body, str(step.body))
        and re.search(entry.query, query)
        for entry in ACCEPTED
    )
