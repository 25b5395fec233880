"""The people that a new platform knows. Everybody else is added later, by an administrator."""

from towpath.machinery.core_kinds import CLUSTER_ROLE_BINDING, RBAC_GROUP
from towpath.machinery.objects import RawObject
from towpath.records.identity import Person

ADMINISTRATOR = "admin"
ADMINISTRATORS = "platform-admins"

_DEMO = (
    Person("alice", "Alice", "alice@example.org", ("team-a",)),
    Person("bob", "Bob", "bob@example.org", ("team-a",)),
    Person("carol", "Carol", "carol@example.org", ("team-b",)),
)


def people_of(*, demo: bool) -> tuple[Person, ...]:
    administrator = Person(ADMINISTRATOR, "Administrator", "", (ADMINISTRATORS,))
    return (administrator, *(_DEMO if demo else ()))


ADMINISTRATORS_BINDING: RawObject = CLUSTER_ROLE_BINDING.object(
    ADMINISTRATORS,
    roleRef={"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": "cluster-admin"},
    subjects=[{"apiGroup": RBAC_GROUP, "kind": "Group", "name": ADMINISTRATORS}],
)
