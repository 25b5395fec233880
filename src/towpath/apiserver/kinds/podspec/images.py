"""Names of images, as far as defaults hang on them."""

import re

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[\w][\w.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_IMAGE = re.compile(
    rf"{_DOMAIN}/{_COMPONENT}(?:/{_COMPONENT})*(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")


def pull_policy(image: str) -> str:
    """Always for what may change under its name, which is not said of what is no name."""
    domain, slash, _ = image.partition("/")
    has_domain = slash and (
        any(mark in domain for mark in ".:") or domain == "localhost" or domain != domain.lower()
    )
    found = _IMAGE.fullmatch(image if has_domain else f"docker.io/{image}")
    if found is None or _IDENTIFIER.fullmatch(image):
        return "IfNotPresent"
    is_latest = found["tag"] == "latest" or not (found["tag"] or found["digest"])
    return "Always" if is_latest else "IfNotPresent"
