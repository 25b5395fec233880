"""What the platform itself knows of: entities for projects, workloads, databases and people.

Pure. Entities of a project are in the namespace of its name, so that two projects can have a
component of one name; groups and people are in `default`.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace

from towpath.capabilities.portal.catalog.descriptors import (
    WORKLOAD_ANNOTATION,
    annotated,
    entity_of,
)
from towpath.capabilities.portal.catalog.entity_kinds import BACKSTAGE
from towpath.capabilities.portal.catalog.kinds import UNSEEN_ANNOTATION
from towpath.machinery.objects import RawObject, labels_of
from towpath.machinery.references import (
    DEFAULT_NAMESPACE,
    BadReference,
    catalogue_name,
    parse_reference,
)
from towpath.machinery.users import UserInfo
from towpath.records.contract import Entity, Relation, written

LOCATION = "backstage.io/managed-by-location"
ORIGIN = "backstage.io/managed-by-origin-location"
ORPHAN = "backstage.io/orphan"
ENVIRONMENT_LABEL = "towpath.dev/environment"

_OWNING_ROLES = ("owner", "developer", "viewer")


def locations(location: str) -> dict[str, str]:
    return {LOCATION: location, ORIGIN: location}


def component(workload: RawObject, databases: Iterable[RawObject]) -> Entity:
    """The component that a workload is."""
    metadata, spec = workload["metadata"], workload["spec"]
    project, name = metadata["namespace"], metadata["name"]
    return _entity(
        "Component",
        project,
        name,
        location=f"towpath:workload/{project}/{name}",
        annotations={WORKLOAD_ANNOTATION: name},
        description=spec.get("description", ""),
        spec={
            "type": "service",
            "lifecycle": "production",
            "owner": owner_of(workload),
            "system": project,
            "dependsOn": [
                f"resource:{project}/{database['metadata']['name']}" for database in databases
            ],
        },
    )


def owner_of(workload: RawObject) -> str:
    """The full reference of the owning group, "" when the workload names none."""
    try:
        return str(parse_reference(workload["spec"].get("owner") or "", default_kind="group"))
    except BadReference:
        return ""


def database(instance: RawObject, workload: RawObject) -> Entity:
    """The resource that a composite is, of the workload that asked for it."""
    metadata = instance["metadata"]
    project, name = metadata["namespace"], metadata["name"]
    environment = labels_of(instance).get(ENVIRONMENT_LABEL, "")
    return _entity(
        "Resource",
        project,
        name,
        location=f"towpath:{instance['kind'].lower()}/{project}/{name}",
        annotations={WORKLOAD_ANNOTATION: workload["metadata"]["name"]},
        description=f"PostgreSQL database of {workload['metadata']['name']} in {environment}"
        if environment
        else "PostgreSQL database",
        spec={"type": "database", "owner": owner_of(workload), "system": project},
    )


def system(project: RawObject) -> Entity:
    metadata, spec = project["metadata"], project.get("spec") or {}
    name = metadata["name"]
    return _entity(
        "System",
        name,
        name,
        location=f"towpath:project/{name}",
        annotations={},
        title=spec.get("displayName", ""),
        description=spec.get("description", ""),
        spec={"owner": project_owner(spec.get("members") or ())},
    )


def project_owner(members: Sequence[Mapping[str, str]]) -> str:
    """Its first group by role; without any group the first person; "" without members."""
    for kind in ("Group", "User"):
        for role in _OWNING_ROLES:
            for member in members:
                if (member["kind"], member["role"]) == (kind, role):
                    return f"{kind.lower()}:{DEFAULT_NAMESPACE}/{member['name']}"
    return ""


def people(
    projects: Iterable[RawObject],
    known: Iterable[UserInfo] = (),
    described: Container[str] = frozenset(),
) -> list[Entity]:
    """Everybody who can sign in or is a member of a project, and the groups of both.

    Who is only named by a project is marked: nobody has been seen of that name, or in that group.
    Not those that a trusted source describes; which groups such a person is in is then told by the
    groups that are not described either.
    """
    members = {
        (member["kind"], catalogue_name(member["name"]))
        for project in projects
        for member in (project.get("spec") or {}).get("members") or ()
    }
    # Such as system:authenticated, which says nothing of whom to ask.
    teams = {
        catalogue_name(person.name): sorted(
            catalogue_name(group) for group in person.groups if ":" not in group
        )
        for person in known
    }
    seen = {("User", name) for name in teams}
    seen |= {("Group", group) for groups in teams.values() for group in groups}
    inside: dict[str, list[str]] = {}
    for name, groups in sorted(teams.items()):
        for group in groups if _person("User", name) in described else ():
            inside.setdefault(group, []).append(name)
    return [
        _entity(
            kind,
            DEFAULT_NAMESPACE,
            name,
            location="towpath:members",
            annotations={} if (kind, name) in seen else {UNSEEN_ANNOTATION: "true"},
            spec=_group(inside.get(name, []))
            if kind == "Group"
            else {"memberOf": teams.get(name, [])},
        )
        for kind, name in sorted(members | seen)
        if name and _person(kind, name) not in described
    ]


def _person(kind: str, name: str) -> str:
    return f"{kind}:{DEFAULT_NAMESPACE}/{name}".lower()


def _group(members: Sequence[str]) -> RawObject:
    spec: RawObject = {"type": "team", "children": []}
    return {**spec, "members": list(members)} if members else spec


def merged(described: Entity, known: Entity) -> Entity:
    """A component of catalog-info.yaml with what the platform knows of the same workload.

    What people have written wins; the platform's annotations and relations are added.
    """
    descriptor = described.descriptor
    theirs = descriptor["metadata"].get("annotations") or {}
    annotations = {**known.descriptor["metadata"]["annotations"], **theirs}
    told = {relation.type for relation in described.relations}
    added = tuple(
        Relation(relation.type, relation.target)
        for relation in known.relations
        if relation.type == "dependsOn" or relation.type not in told
    )
    return replace(
        described,
        written=written(annotated(descriptor, annotations)),
        description=described.description or known.description,
        owner=described.owner or known.owner,
        workload=described.workload or known.workload,
        system=described.system or known.system,
        relations=tuple(dict.fromkeys((*described.relations, *added))),
    )


def is_same(described: Entity, known: Entity) -> bool:
    """Whether a described component is the workload: by name, in its project or in `default`."""
    return (
        described.kind.lower() == known.kind.lower()
        and described.name.lower() == known.name.lower()
        and described.namespace in (known.namespace, DEFAULT_NAMESPACE)
    )


def _entity(
    kind: str,
    namespace: str,
    name: str,
    *,
    location: str,
    annotations: Mapping[str, str],
    spec: RawObject,
    title: str = "",
    description: str = "",
) -> Entity:
    metadata: RawObject = {
        "name": name,
        "namespace": namespace,
        "annotations": {**locations(location), **annotations},
    }
    if title:
        metadata["title"] = title
    if description:
        metadata["description"] = description
    known = {key: value for key, value in spec.items() if value != ""}
    descriptor = {"apiVersion": BACKSTAGE[0], "kind": kind, "metadata": metadata, "spec": known}
    return entity_of(descriptor)
