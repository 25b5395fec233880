"""All that both catalogues are asked."""

from tests.parity.catalog.asked import ENTITIES, FIELDS, FILTERS, LISTS, QUERIES
from tests.parity.catalog.judged import ANALYZED, FACETS, LOCATIONS, SINGLE, VALIDATED
from tests.parity.catalog.searched import SEARCHED

ALL = [
    *ENTITIES,
    *FILTERS,
    *FIELDS,
    *LISTS,
    *QUERIES,
    *SINGLE,
    *FACETS,
    *LOCATIONS,
    *VALIDATED,
    *ANALYZED,
    *SEARCHED,
]
