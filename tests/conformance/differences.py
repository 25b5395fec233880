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


ANY = r"^(status|message|reason|details|code|kind|apiVersion|metadata|spec)"
WORDS = r"^(message|details)"
NO_ITEM_KIND = r"^items\[\d+\]\.(apiVersion|kind): kubernetes \(absent\)"
PARSERS = (
    r"^message: .*(json parse error|error decoding|invalid syntax|continue token"
    r"|is not a number|known field selector|rejected our request|Unsupported Media Type)"
)
ACCEPTED: tuple[Accepted, ...] = (
    Accepted("list-items-have-kinds", NO_ITEM_KIND),
    Accepted("plain-text-404", r"404 page not found|text/plain; charset=utf-8 .* application"),
    Accepted("words-of-parsers", PARSERS),
    Accepted(
        "words-of-webhooks", WORDS + r".*(get version/kind|remove for path|no kind \"Nonsense)"
    ),
    Accepted("words-of-cel", WORDS + r".*no such key"),
    Accepted("version-that-is-no-number", ANY, "GET .*configmaps$", "^None$"),
    Accepted("patched-to-another-type", ANY, "PATCH", r"'data': 3|^{'spam': 1}"),
    Accepted("another-kind", ANY, "POST", r"'Secret', 'metadata': {'name': 'a'}}|'Gadget'|'v9'"),
    Accepted("version-on-create", ANY, "POST", r"'resourceVersion': '5'"),
    Accepted("double-keys-unasked", r"^warnings", "", r'"labels":{},"labels"'),
    Accepted("said-twice", WORDS, "", r"finalizer|example.dev/other"),
    Accepted("long-names", WORDS, "", r"x{250}"),
    Accepted("controllers-at-work", r"^(metadata\.|status)", "deployments|cronjobs|ingresses"),
    Accepted("empty-status", r"^status(\.\w+)?: kubernetes \{"),
    Accepted("rules-are-not-type-checked", ANY, "POST .*customresourcedefinitions"),
    Accepted("definitions-at-once", r"^(status|metadata)", "customresourcedefinitions"),
    Accepted("definitions-at-once", r"^metadata.continue", "widgets$"),
    Accepted("column-descriptions", r"^columnDefinitions"),
    Accepted("groups-not-served", r"^groups", "/apis$"),
    Accepted("go-field-names", r"roleRef: Invalid value|cannot change roleRef"),
    Accepted("empty-status", r"^rules: kubernetes null \| ours \(absent\)", "roles"),
    Accepted("order-of-managers", r"^metadata\.managedFields", "widgets/w"),
    Accepted("put-without-version", ANY, "PUT .*/widgets/"),
    Accepted("status-paths", WORDS, "widgets/w/status"),
    Accepted("keyless-items", ANY, "PATCH", r"'ports': \[{}\]"),
    Accepted("scale-of-nothing", ANY, "GET .*/scale$"),
    Accepted("scale-of-nothing", WORDS, "POST .*widgets", r"'spec': \[\]"),
    Accepted("yaml-answers", "application/yaml|apiVersion: v1", "configmaps$"),
    Accepted("logs-of-no-pod", ANY, "pods/absent/log"),
    Accepted("secret-types", r".", "POST .*secrets", "basic-auth"),
    Accepted("pods-as-processes", r"^(metadata|spec|rows|items|details|message)", "pods"),
    Accepted("pods-as-processes", ANY, "POST .*pods$", "'requests'"),
    Accepted("pods-as-processes", ANY, "PATCH .*pods/p$"),
    Accepted(
        "server-fields-owned", "managedFields", "services|namespaces$|-two$|-other$|ingresses$"
    ),
    Accepted("grace-of-nothing", r"^metadata\.deletion", "DELETE"),
    Accepted("controllers-at-work", r"^status\.conditions", "DELETE .*-two$"),
    Accepted("order-of-mistakes", WORDS, "POST .*secrets$", "'controller': True"),
    Accepted("order-of-mistakes", WORDS, "POST .*widgets", "blue.*'max'"),
    Accepted(
        "rules-of-built-in-kinds",
        r".",
        "POST .*(cronjobs|jobs|ingresses|autoscalers|budgets|policies|deployments)$",
    ),
    Accepted("said-twice", WORDS, "services", "'port': 0"),
    Accepted("wording-of-selectors", WORDS, "PATCH .*deployments", "selector"),
)


def accepted(step: Step, line: str) -> bool:
    request = f"{step.method} {step.path}"
    return any(
        re.search(entry.line, line)
        and re.search(entry.path, request)
        and re.search(entry.body, str(step.body))
        for entry in ACCEPTED
    )
