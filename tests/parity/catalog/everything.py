"""All that both catalogues are asked."""

from tests.parity.catalog.asked import ENTITIES, FIELDS, FILTERS, LISTS, QUERIES
from tests.parity.catalog.judged import ANALYZED, FACETS, LOCATIONS, SINGLE, VALIDATED

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
]
