"""What people read of the API's refusals."""

import pytest

from towpath.machinery.errors import Conflict, Forbidden, NotFound, StatusError
from towpath.machinery.plain_words import plainly


def _absent(plural: str, name: str) -> NotFound:
    details = {"name": name, "group": "towpath.dev", "kind": plural}
    return NotFound(f'{plural}.towpath.dev "{name}" not found', details=details)


def _denied(verb: str, plural: str, where: str, name: str = "") -> Forbidden:
    return Forbidden(
        f'{plural}.towpath.dev is forbidden: User "bob" cannot {verb} resource "{plural}" in API '
        f'group "towpath.dev" {where}',
        details={"kind": plural, "name": name},
    )


@pytest.mark.parametrize(
    ("error", "project", "sentence"),
    [
        (_absent("workloads", "shop"), "demo", "there is no service shop in project demo"),
        (_absent("workloads", "shop"), "", "there is no service shop"),
        (_absent("projects", "shop"), "shop", "there is no project shop"),
        (_absent("pods", "a"), "demo", 'pods.towpath.dev "a" not found'),
        (NotFound("nothing of the kind"), "demo", "nothing of the kind"),
        (
            _denied("create", "workloads", 'in the namespace "demo"', "shop"),
            "demo",
            "bob may not create service shop in project demo; an owner of the project can allow it",
        ),
        (
            _denied("list", "projects", "at the cluster scope"),
            "",
            "bob may not see projects; an administrator of the platform can allow it",
        ),
        (Forbidden("a policy refuses it"), "demo", "a policy refuses it"),
        (Conflict("the object has been modified"), "demo", "the object has been modified"),
    ],
)
def test_a_refusal_in_plain_words(error: StatusError, project: str, sentence: str) -> None:
    assert plainly(error, project) == sentence
