"""Which columns a served resource has as a Table.

What makes tables is loaded with the first one.
"""

from typing import TYPE_CHECKING

from towpath.apiserver.registry import Served

if TYPE_CHECKING:
    from towpath.machinery.tables import TableColumns


def columns_for(served: Served) -> "TableColumns":
    from towpath.machinery.tables import builtin_columns, columns_of

    if not served.custom:
        return builtin_columns(served.resource.group, served.resource.plural)
    printer_columns = [
        {
            "name": column.name,
            "jsonPath": column.json_path,
            "type": column.type,
            "priority": column.priority,
            "description": column.description,
        }
        for column in served.columns
    ]
    return columns_of({"additionalPrinterColumns": printer_columns})
