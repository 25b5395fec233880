"""What each verb does, one file each. Bytes in where possible, bytes out always."""

from towpath.apiserver.verbs.create import create
from towpath.apiserver.verbs.delete import delete
from towpath.apiserver.verbs.delete_collection import delete_collection
from towpath.apiserver.verbs.get import get
from towpath.apiserver.verbs.list import list_page
from towpath.apiserver.verbs.patch import patch
from towpath.apiserver.verbs.subresources import create_subresource
from towpath.apiserver.verbs.update import update
from towpath.apiserver.verbs.watch import watch

__all__ = [
    "create",
    "create_subresource",
    "delete",
    "delete_collection",
    "get",
    "list_page",
    "patch",
    "update",
    "watch",
]
