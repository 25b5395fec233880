"""The people that a new platform knows. Everybody else comes later, from the organisation."""

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


ADMINISTRATORS_BINDING: RawObject = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": ADMINISTRATORS},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "cluster-admin",
    },
    "subjects": [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": ADMINISTRATORS}
    ],
}
