"""Content negotiation: which form of an answer the client asked for. Pure.

Clients of Kubernetes ask for a Table, for metadata only, for YAML, or for protobuf first and JSON
second. Parsed headers are remembered, because a client sends the same one with every request.
"""

from enum import Enum

from msgspec import Struct

from towpath.machinery.errors import NotAcceptable
from towpath.machinery.remembering import remember_short

JSON_TYPES = frozenset({"application/json", "application/*", "*/*"})
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
OFFERED = ("application/json", YAML, PROTOBUF)


class Form(Enum):
    """The shape of an answer's object."""

    PLAIN = "plain"
    TABLE = "Table"
    PARTIAL = "PartialObjectMetadata"
    PARTIAL_LIST = "PartialObjectMetadataList"
    TABLE_BETA = "Table in v1beta1"
    PARTIAL_BETA = "PartialObjectMetadata in v1beta1"
    PARTIAL_LIST_BETA = "PartialObjectMetadataList in v1beta1"

    @property
    def is_beta(self) -> bool:
        return self in _PLAIN_OF

    @property
    def shape(self) -> "Form":
        """The same in the one version that is worked with."""
        return _PLAIN_OF.get(self, self)

    @property
    def api_version(self) -> str:
        return "meta.k8s.io/v1beta1" if self.is_beta else "meta.k8s.io/v1"


class MediaRange(Struct, frozen=True):
    """One entry of an Accept header."""

    type: str
    parameters: dict[str, str]
    quality: float = 1.0


class Wanted(Struct, frozen=True):
    form: Form
    media_type: str = "application/json"

    @property
    def yaml(self) -> bool:
        return self.media_type == YAML

    @property
    def protobuf(self) -> bool:
        return self.media_type == PROTOBUF


@remember_short(512)
def parse_accept(header: str) -> tuple[MediaRange, ...]:
    """Entries by quality, wildcards last, then in the order of the header."""
    entries = []
    for entry in header.split(","):
        media_type, *parameters = [part.strip() for part in entry.split(";")]
        named = {name: value for name, _, value in (part.partition("=") for part in parameters)}
        if media_type:
            entries.append(MediaRange(media_type.lower(), named, _quality(named.pop("q", "1"))))
    return tuple(sorted(entries, key=lambda entry: (-entry.quality, entry.type.count("*"))))


def negotiate(
    header: str, *, custom: bool = False, streams: bool = False, lists: bool = False
) -> Wanted:
    """The form to answer in. Raises NotAcceptable when none that there is is accepted."""
    wanted = wanted_of(header, custom=custom)
    if wanted is None or (streams and wanted.yaml) or _is_unroutable(header, custom):
        raise NotAcceptable(_offer(header, custom=custom, streams=streams, lists=lists))
    return wanted


def check_routable(header: str, *, custom: bool) -> None:
    """Raise NotAcceptable for what is refused before anybody looks at the request of a list."""
    if _is_unroutable(header, custom):
        raise NotAcceptable(_offer(header, custom=custom, streams=False, lists=True))


def _offer(header: str, *, custom: bool, streams: bool, lists: bool) -> str:
    streamed = [f"{name};stream=watch" for name in OFFERED if name != YAML]
    if not _is_unroutable(header, custom):
        offered = streamed if streams and not custom else OFFERED
        return f"only the following media types are accepted: {', '.join(offered)}"
    offered = [*OFFERED, *streamed] if lists or streams else OFFERED
    return f"406: Not Acceptable\n\nAvailable representations: {', '.join(offered)}"


def _is_unroutable(header: str, custom: bool) -> bool:
    """Where built-in kinds are served another layer looks first, and by the type alone."""
    if custom or not header:
        return False
    return not any(entry.type in _ROUTED for entry in parse_accept(header))


def wanted_of(header: str, *, custom: bool = False) -> Wanted | None:
    """None when nothing that the client accepts can be had."""
    return _wanted_of_custom(header) if custom else _wanted_of_built_in(header)


@remember_short(512)
def _wanted_of_built_in(header: str) -> Wanted | None:
    return _first(header, custom=False)


@remember_short(512)
def _wanted_of_custom(header: str) -> Wanted | None:
    return _first(header, custom=True)


@remember_short(512)
def wanted_of_error(header: str) -> Wanted:
    """A Status has one shape only, and is told in any case."""
    plain = [entry for entry in parse_accept(header) if "as" not in entry.parameters]
    chosen = next((entry.type for entry in plain if entry.type in _ERRORS_IN), "")
    return Wanted(Form.PLAIN, chosen) if chosen in (YAML, PROTOBUF) else Wanted(Form.PLAIN)


def _first(header: str, *, custom: bool) -> Wanted | None:
    if not header:
        return Wanted(Form.PLAIN)
    for entry in parse_accept(header):
        if entry.type not in JSON_TYPES and entry.type not in (YAML, PROTOBUF):
            continue
        form = _form(entry.parameters)
        if form is None or entry.parameters.get("stream", "watch") != "watch":
            continue
        if entry.type == PROTOBUF and not _is_in_protobuf(form, custom):
            continue
        return Wanted(form, entry.type if entry.type in (YAML, PROTOBUF) else "application/json")
    return None


def _is_in_protobuf(form: Form, custom: bool) -> bool:
    """Tables have cells of any type; objects of custom kinds have fields of any name."""
    return form.shape is not Form.TABLE and not (custom and form is Form.PLAIN)


def _form(parameters: dict[str, str]) -> Form | None:
    name = parameters.get("as", "")
    if not name:
        return Form.PLAIN
    if parameters.get("g") != "meta.k8s.io" or parameters.get("v") not in ("v1", "v1beta1"):
        return None
    form = _FORMS.get(name)
    return _BETA_OF.get(form) if form and parameters["v"] == "v1beta1" else form


_ROUTED = frozenset({*OFFERED, "*/*"})
_ERRORS_IN = frozenset({*OFFERED, *JSON_TYPES})
_BETA_OF = {
    Form.TABLE: Form.TABLE_BETA,
    Form.PARTIAL: Form.PARTIAL_BETA,
    Form.PARTIAL_LIST: Form.PARTIAL_LIST_BETA,
}
_PLAIN_OF = {beta: form for form, beta in _BETA_OF.items()}
_FORMS = {form.value: form for form in Form if form not in _PLAIN_OF}


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
