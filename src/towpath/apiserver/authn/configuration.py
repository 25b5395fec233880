"""Kubernetes' structured authentication configuration: whose tokens are taken, and as whom.

The file is an `AuthenticationConfiguration` of apiserver.config.k8s.io, as kube-apiserver reads it
with --authentication-config. What is wrong in it is named by field, in Kubernetes' words.
"""

import re
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from towpath.apiserver.authn.expressions import compiled
from towpath.apiserver.authn.structured import ConfigurationInvalid
from towpath.machinery.causes import duplicate, invalid_value, required
from towpath.machinery.cel import CelError
from towpath.machinery.documents import DocumentError, load_document
from towpath.machinery.errors import Cause
from towpath.machinery.names import subdomain_errors

GROUP = "apiserver.config.k8s.io"
VERSIONS = ("v1", "v1beta1", "v1alpha1")
KIND = "AuthenticationConfiguration"
ISSUERS_MAX = 64
RESERVED = ("kubernetes.io", "k8s.io")
EMAIL = re.compile(r"\bclaims\s*\.\s*\??email\b(?!_)")
EMAIL_VERIFIED = re.compile(r"\bclaims\s*\.\s*\??email_verified\b")
UNVERIFIED = (
    "claims.email_verified must be used in claimMappings.username.expression or "
    "claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when "
    "claims.email is used in claimMappings.username.expression"
)
BOTH, NEITHER = "claim and expression can't both be set", "claim or expression is required"


class _Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Unknown fields are an error: a mistyped rule must not let anybody in."""


class Issuer(_Struct, frozen=True):
    url: str = ""
    discovery_url: str = msgspec.field(name="discoveryURL", default="")
    certificate_authority: str = ""
    audiences: tuple[str, ...] = ()
    audience_match_policy: str = ""
    egress_selector_type: str = ""


class ClaimRule(_Struct, frozen=True):
    claim: str = ""
    required_value: str = ""
    expression: str = ""
    message: str = ""


class UserRule(_Struct, frozen=True):
    expression: str = ""
    message: str = ""


class Mapping(_Struct, frozen=True):
    claim: str = ""
    prefix: str | None = None
    expression: str = ""


class ExtraMapping(_Struct, frozen=True):
    key: str = ""
    value_expression: str = ""


class Mappings(_Struct, frozen=True):
    username: Mapping = Mapping()
    groups: Mapping = Mapping()
    uid: Mapping = Mapping()
    extra: tuple[ExtraMapping, ...] = ()


class Jwt(_Struct, frozen=True):
    """Tokens of one issuer."""

    issuer: Issuer = Issuer()
    claim_validation_rules: tuple[ClaimRule, ...] = ()
    claim_mappings: Mappings = Mappings()
    user_validation_rules: tuple[UserRule, ...] = ()


class AnonymousPath(_Struct, frozen=True):
    path: str = ""


class Anonymous(_Struct, frozen=True):
    enabled: bool = False
    conditions: tuple[AnonymousPath, ...] = ()


class Configuration(_Struct, frozen=True):
    api_version: str = ""
    kind: str = ""
    jwt: tuple[Jwt, ...] = ()
    anonymous: Anonymous = Anonymous(enabled=True)

    def anonymous_at(self, path: str) -> bool:
        """Whether somebody without credentials is heard at a path."""
        allowed = self.anonymous
        if not allowed.enabled or not allowed.conditions:
            return allowed.enabled
        return any(condition.path == path for condition in allowed.conditions)


def read_configuration(text: str, own_issuers: tuple[str, ...] = ()) -> Configuration:
    """Raises ConfigurationInvalid. `own_issuers` sign this platform's tokens: nobody else may."""
    try:
        document = load_document(text)
        configuration = msgspec.convert(document or {}, Configuration)
    except (DocumentError, msgspec.ValidationError) as error:
        raise ConfigurationInvalid(f"strict decoding error: {error}") from error
    group, _, version = configuration.api_version.partition("/")
    if (group, configuration.kind) != (GROUP, KIND) or version not in VERSIONS:
        raise ConfigurationInvalid(
            f"apiVersion and kind are {configuration.api_version!r} and {configuration.kind!r}; "
            f"expected {GROUP}/v1 and {KIND}"
        )
    causes = list(_causes(configuration, own_issuers))
    if causes:
        said = [f"{cause.field}: {cause.message}" for cause in causes]
        raise ConfigurationInvalid(said[0] if len(said) == 1 else f"[{', '.join(said)}]")
    return configuration


def _causes(configuration: Configuration, own_issuers: tuple[str, ...]) -> Iterator[Cause]:
    if len(configuration.jwt) > ISSUERS_MAX:
        count = len(configuration.jwt)
        why = f"Too many: {count}: must have at most {ISSUERS_MAX} items"
        yield Cause("FieldValueTooMany", why, "jwt")
    urls: set[str] = set()
    discovered: set[str] = set()
    for index, jwt in enumerate(configuration.jwt):
        field = f"jwt[{index}]"
        yield from _issuer_causes(jwt.issuer, f"{field}.issuer", own_issuers)
        yield from _claim_rule_causes(jwt, f"{field}.claimValidationRules")
        yield from _mapping_causes(jwt, f"{field}.claimMappings")
        yield from _user_rule_causes(jwt, f"{field}.userValidationRules")
        for name, url, seen in (
            ("url", jwt.issuer.url, urls),
            ("discoveryURL", jwt.issuer.discovery_url, discovered),
        ):
            if url and url in seen:
                yield duplicate(f"{field}.issuer.{name}", url)
            seen.add(url)
    anonymous = configuration.anonymous
    if anonymous.conditions and not anonymous.enabled:
        shown = [{"path": condition.path} for condition in anonymous.conditions]
        why = "enabled should be set to true when conditions are defined"
        yield invalid_value("anonymous.conditions", shown, why)


def _issuer_causes(issuer: Issuer, field: str, own: tuple[str, ...]) -> Iterator[Cause]:
    if not issuer.url:
        yield required(f"{field}.url")
    else:
        if issuer.url in own:
            why = f"URL must not overlap with disallowed issuers: [{' '.join(sorted(own))}]"
            yield invalid_value(f"{field}.url", issuer.url, why)
        yield from _url_causes(issuer.url, f"{field}.url")
    if issuer.discovery_url:
        if issuer.url and issuer.url.rstrip("/") == issuer.discovery_url.rstrip("/"):
            why = "discoveryURL must be different from URL"
            yield invalid_value(f"{field}.discoveryURL", issuer.discovery_url, why)
        yield from _url_causes(issuer.discovery_url, f"{field}.discoveryURL")
    yield from _audience_causes(issuer, field)
    if issuer.certificate_authority:
        try:
            ssl.create_default_context(cadata=issuer.certificate_authority)
        except (ssl.SSLError, ValueError) as error:
            yield invalid_value(f"{field}.certificateAuthority", "<omitted>", str(error))
    if issuer.egress_selector_type:
        why = "egress selectors are not supported: calls go out directly"
        yield invalid_value(f"{field}.egressSelectorType", issuer.egress_selector_type, why)


def _url_causes(url: str, field: str) -> Iterator[Cause]:
    try:
        parts = urlsplit(url)
        has_user = parts.username is not None
    except ValueError as error:
        yield invalid_value(field, url, str(error))
        return
    if parts.scheme != "https":
        yield invalid_value(field, url, "URL scheme must be https")
    if has_user:
        yield invalid_value(field, url, "URL must not contain a username or password")
    if parts.query:
        yield invalid_value(field, url, "URL must not contain a query")
    if parts.fragment:
        yield invalid_value(field, url, "URL must not contain a fragment")


def _audience_causes(issuer: Issuer, field: str) -> Iterator[Cause]:
    audiences, policy = issuer.audiences, issuer.audience_match_policy
    if not audiences:
        yield required(f"{field}.audiences", f"at least one {field}.audiences is required")
        return
    for index, audience in enumerate(audiences):
        if not audience:
            yield required(f"{field}.audiences[{index}]")
        if audience in audiences[:index]:
            yield duplicate(f"{field}.audiences[{index}]", audience)
    if len(audiences) > 1 and policy != "MatchAny":
        why = "audienceMatchPolicy must be MatchAny for multiple audiences"
        yield invalid_value(f"{field}.audienceMatchPolicy", policy, why)
    elif policy not in ("", "MatchAny"):
        why = "audienceMatchPolicy must be empty or MatchAny for single audience"
        yield invalid_value(f"{field}.audienceMatchPolicy", policy, why)


def _claim_rule_causes(jwt: Jwt, field: str) -> Iterator[Cause]:
    rules = jwt.claim_validation_rules
    for index, rule in enumerate(rules):
        where = f"{field}[{index}]"
        if rule.claim and rule.expression:
            yield invalid_value(where, rule.claim, BOTH)
        elif rule.claim:
            if rule.message:
                why = "may not be specified when claim is set"
                yield invalid_value(f"{where}.message", rule.message, why)
            if any(other.claim == rule.claim for other in rules[:index]):
                yield duplicate(f"{where}.claim", rule.claim)
        elif rule.expression:
            if rule.required_value:
                why = "may not be specified when expression is set"
                yield invalid_value(f"{where}.requiredValue", rule.required_value, why)
            if any(other.expression == rule.expression for other in rules[:index]):
                yield duplicate(f"{where}.expression", rule.expression)
            else:
                kinds = ("BOOL",)
                yield from _cel_causes(rule.expression, "claims", f"{where}.expression", kinds)
        else:
            yield required(where, NEITHER)


def _mapping_causes(jwt: Jwt, field: str) -> Iterator[Cause]:
    mappings = jwt.claim_mappings
    if not mappings.username.claim and not mappings.username.expression:
        yield required(f"{field}.username", NEITHER)
    yield from _prefixed_causes(mappings.username, f"{field}.username", ("STRING",))
    yield from _prefixed_causes(mappings.groups, f"{field}.groups", ("STRING", "LIST"))
    uid = mappings.uid
    if uid.claim and uid.expression:
        yield invalid_value(f"{field}.uid", "", BOTH)
    elif uid.expression:
        yield from _cel_causes(uid.expression, "claims", f"{field}.uid.expression", ("STRING",))
    for index, extra in enumerate(mappings.extra):
        where = f"{field}.extra[{index}]"
        yield from _extra_key_causes(extra.key, f"{where}.key")
        if any(other.key == extra.key for other in mappings.extra[:index]):
            yield duplicate(f"{where}.key", extra.key)
        elif not extra.value_expression:
            yield required(f"{where}.valueExpression")
        else:
            kinds = ("STRING", "LIST")
            where = f"{where}.valueExpression"
            yield from _cel_causes(extra.value_expression, "claims", where, kinds)
    if EMAIL.search(mappings.username.expression) and not any(
        EMAIL_VERIFIED.search(expression)
        for expression in (
            mappings.username.expression,
            *(extra.value_expression for extra in mappings.extra),
            *(rule.expression for rule in jwt.claim_validation_rules),
        )
    ):
        expression = mappings.username.expression
        yield invalid_value(f"{field}.username.expression", expression, UNVERIFIED)


def _prefixed_causes(mapping: Mapping, field: str, kinds: tuple[str, ...]) -> Iterator[Cause]:
    if mapping.claim and mapping.expression:
        yield invalid_value(field, "", BOTH)
    elif mapping.expression:
        if mapping.prefix is not None:
            why = "may not be specified when expression is set"
            yield invalid_value(f"{field}.prefix", mapping.prefix, why)
        yield from _cel_causes(mapping.expression, "claims", f"{field}.expression", kinds)
    elif mapping.claim and mapping.prefix is None:
        why = (
            "prefix is required when claim is set. It can be set to an empty string to disable "
            "prefixing"
        )
        yield required(f"{field}.prefix", why)


def _extra_key_causes(key: str, field: str) -> Iterator[Cause]:
    domain, slash, path = key.partition("/")
    if not key:
        yield required(field)
    elif not slash or not path:
        why = 'must be a domain-prefixed path (such as "acme.io/foo")'
        yield invalid_value(field, key, why)
    else:
        for problem in subdomain_errors(domain):
            yield invalid_value(field, domain, problem)
    if key != key.lower():
        yield invalid_value(field, key, "must be lowercase")
    if domain in RESERVED or domain.endswith(tuple(f".{name}" for name in RESERVED)):
        why = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use"
        yield invalid_value(field, key, why)


def _user_rule_causes(jwt: Jwt, field: str) -> Iterator[Cause]:
    rules = jwt.user_validation_rules
    for index, rule in enumerate(rules):
        where = f"{field}[{index}].expression"
        if not rule.expression:
            yield required(where)
        elif any(other.expression == rule.expression for other in rules[:index]):
            yield duplicate(where, rule.expression)
        else:
            yield from _cel_causes(rule.expression, "user", where, ("BOOL",))


def _cel_causes(
    expression: str, variable: str, field: str, kinds: tuple[str, ...]
) -> Iterator[Cause]:
    try:
        program = compiled(expression, variable)
    except CelError as error:
        yield invalid_value(field, expression, f"compilation failed: {error.message}")
        return
    if program.result_type.kind.upper() not in (*kinds, "DYN"):
        names = " or ".join(kind.lower() for kind in kinds)
        yield invalid_value(field, expression, f"must evaluate to {names}")
