"""What both servers are asked: one list of steps for each promise of the API."""

from tests.conformance.custom import CUSTOM
from tests.conformance.life import APPLIED, LIFE
from tests.conformance.lifecycles import LIFECYCLES
from tests.conformance.permissions import PERMISSIONS
from tests.conformance.shapes import RIGHTS, SHAPES

SEQUENCES = [*LIFE, *APPLIED, *CUSTOM, *RIGHTS, *PERMISSIONS, *LIFECYCLES, *SHAPES]
