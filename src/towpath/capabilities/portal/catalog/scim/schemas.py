"""What the SCIM server says of itself: what it can do, which resources, which attributes."""

from collections.abc import Mapping, Sequence
from typing import Any

SCIM = "urn:ietf:params:scim:api:messages:2.0"
CORE = "urn:ietf:params:scim:schemas:core:2.0"
USER, GROUP = f"{CORE}:User", f"{CORE}:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
COUNT_MAX = 1000

Json = dict[str, Any]


def _attribute(
    name: str, kind: str = "string", *, sub: Sequence[Json] = (), **differs: Any
) -> Json:
    told: Json = {
        "name": name,
        "type": kind,
        "multiValued": False,
        "description": "",
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
        **differs,
    }
    if sub:
        told["subAttributes"] = list(sub)
    return told


def _texts(*names: str) -> list[Json]:
    return [_attribute(name) for name in names]


def _values(name: str, *more: Json) -> Json:
    sub = [*_texts("value", "type", "display"), _attribute("primary", "boolean"), *more]
    return _attribute(name, "complex", sub=sub, multiValued=True)


_NAME = _texts("formatted", "familyName", "givenName", "middleName", "honorificPrefix")
_MEMBER = [
    _attribute("value", mutability="immutable"),
    _attribute("$ref", "reference", mutability="immutable", referenceTypes=["User", "Group"]),
    _attribute("type", mutability="immutable", canonicalValues=["User", "Group"]),
    _attribute("display", mutability="readOnly"),
]
_OF_USER = [
    _attribute("userName", required=True, uniqueness="server"),
    _attribute("name", "complex", sub=_NAME),
    *_texts("displayName", "nickName", "title", "userType", "preferredLanguage", "locale"),
    _attribute("profileUrl", "reference", referenceTypes=["external"]),
    _attribute("active", "boolean"),
    _values("emails"),
    _values("phoneNumbers"),
    _values("photos"),
    _attribute(
        "groups",
        "complex",
        sub=_texts("value", "display"),
        multiValued=True,
        mutability="readOnly",
    ),
]
_OF_GROUP = [
    _attribute("displayName", required=True),
    _attribute("members", "complex", sub=_MEMBER, multiValued=True),
]
_OF_ENTERPRISE = [
    *_texts("employeeNumber", "costCenter", "organization", "division", "department"),
    _attribute("manager", "complex", sub=_texts("value", "displayName")),
]


def _schema(id: str, name: str, attributes: Sequence[Json]) -> Json:
    return {
        "schemas": [f"{CORE}:Schema"],
        "id": id,
        "name": name,
        "description": "",
        "attributes": list(attributes),
        "meta": {"resourceType": "Schema", "location": f"/scim/v2/Schemas/{id}"},
    }


SCHEMAS: Mapping[str, Json] = {
    USER: _schema(USER, "User", _OF_USER),
    GROUP: _schema(GROUP, "Group", _OF_GROUP),
    ENTERPRISE: _schema(ENTERPRISE, "EnterpriseUser", _OF_ENTERPRISE),
}


def _type(name: str, schema: str, extensions: Sequence[Json] = ()) -> Json:
    return {
        "schemas": [f"{CORE}:ResourceType"],
        "id": name,
        "name": name,
        "endpoint": f"/{name}s",
        "description": "",
        "schema": schema,
        "schemaExtensions": list(extensions),
        "meta": {"resourceType": "ResourceType", "location": f"/scim/v2/ResourceTypes/{name}"},
    }


RESOURCE_TYPES: Mapping[str, Json] = {
    "User": _type("User", USER, [{"schema": ENTERPRISE, "required": False}]),
    "Group": _type("Group", GROUP),
}
SERVICE_PROVIDER: Json = {
    "schemas": [f"{CORE}:ServiceProviderConfig"],
    "patch": {"supported": True},
    "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
    "filter": {"supported": True, "maxResults": COUNT_MAX},
    "changePassword": {"supported": False},
    "sort": {"supported": True},
    "etag": {"supported": True},
    "authenticationSchemes": [
        {
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "The token of the CatalogSource's Secret.",
            "primary": True,
        }
    ],
    "meta": {
        "resourceType": "ServiceProviderConfig",
        "location": "/scim/v2/ServiceProviderConfig",
    },
}


def listing(resources: Sequence[Json], total: int, start: int = 1) -> Json:
    return {
        "schemas": [f"{SCIM}:ListResponse"],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


def refusal(status: int, detail: str, kind: str = "") -> Json:
    told: Json = {"schemas": [f"{SCIM}:Error"], "status": str(status), "detail": detail}
    if kind:
        told["scimType"] = kind
    return told
