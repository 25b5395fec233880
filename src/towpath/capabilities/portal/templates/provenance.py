"""Which template, at which commit, by whom and with which values a repository was made from.

It lies in the repository itself, so that an update of the template can be merged into it years
later, whatever has become of the run.
"""

from collections.abc import Mapping

from towpath.machinery.documents import dump_document
from towpath.machinery.objects import RawObject

PROVENANCE_PATH = ".towpath/template.yaml"


def template_reference(run: RawObject) -> str:
    """`<namespace>/<name>@<revision>`; without a revision when the template has no files."""
    template = run["spec"]["template"]
    revision = (run.get("status") or {}).get("template", {}).get("revision", "")
    reference = f"{template.get('namespace', '')}/{template['name']}"
    return f"{reference}@{revision}" if revision else reference


def provenance(run: RawObject, place: Mapping[str, str]) -> str:
    """The file's text. `place` is what the template's expressions knew as `towpath`."""
    return dump_document(
        {
            "template": template_reference(run),
            "parameters": run["spec"].get("parameters") or {},
            "user": run["spec"].get("requestedBy") or "",
            "towpath": dict(place),
        }
    )
