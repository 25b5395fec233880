"""What both servers are asked: one list of steps for each promise of the API."""

from tests.conformance.custom import CUSTOM
from tests.conformance.definitions import DEFINITION_SEQUENCES
from tests.conformance.life import APPLIED, LIFE
from tests.conformance.lifecycles import LIFECYCLES
from tests.conformance.mutating_policies import MUTATING_SEQUENCES
from tests.conformance.permissions import PERMISSIONS
from tests.conformance.policies import POLICY_SEQUENCES
from tests.conformance.resizing import RESIZING
from tests.conformance.rules import RULE_SEQUENCES
from tests.conformance.shapes import RIGHTS, SHAPES
from tests.conformance.tokens import TOKEN_SEQUENCES
from tests.conformance.workloads import WORKLOADS

SEQUENCES = [
    *LIFE,
    *APPLIED,
    *CUSTOM,
    *RULE_SEQUENCES,
    *DEFINITION_SEQUENCES,
    *POLICY_SEQUENCES,
    *MUTATING_SEQUENCES,
    *RIGHTS,
    *PERMISSIONS,
    *TOKEN_SEQUENCES,
    *LIFECYCLES,
    *SHAPES,
    *RESIZING,
    *WORKLOADS,
]
