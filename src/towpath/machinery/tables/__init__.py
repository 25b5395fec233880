"""Objects as `kubectl get` shows them: meta.k8s.io/v1 Tables, made by the server.

Every row has all cells, wide columns included; a column's priority tells the client which to show.
Ages are already text, as a kube-apiserver sends them.
"""

from datetime import datetime

from towpath.machinery.objects import RawObject
from towpath.machinery.tables.builtin import COLUMNS
from towpath.machinery.tables.columns import DEFAULT, TableColumns
from towpath.machinery.tables.custom import columns_of

__all__ = ["TableColumns", "builtin_columns", "columns_of", "row", "table"]

META_V1 = "meta.k8s.io/v1"


def builtin_columns(group: str, plural: str) -> TableColumns:
    """Columns of a built-in resource; name and creation time where it has none of its own."""
    return COLUMNS.get((group, plural), DEFAULT)


def row(
    columns: TableColumns,
    obj: RawObject,
    now: datetime,
    include_object: str = "Metadata",
    api_version: str = META_V1,
) -> RawObject:
    """One row; `include_object` is Metadata, Object or None, as clients ask for it."""
    result: RawObject = {"cells": columns.cells(obj, now)}
    if include_object == "Metadata":
        result["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": api_version,
            "metadata": obj.get("metadata") or {},
        }
    elif include_object == "Object":
        result["object"] = obj
    return result


def table(
    columns: TableColumns,
    rows: list[RawObject],
    list_metadata: RawObject,
    *,
    with_definitions: bool = True,
    api_version: str = META_V1,
) -> RawObject:
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": list_metadata,
        "columnDefinitions": columns.definitions if with_definitions else None,
        "rows": rows,
    }
