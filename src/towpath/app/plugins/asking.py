"""What a plug-in asks the API for, in the name of one call: to read, with the visitor's rights.

The plug-in never holds a credential. It names a call that is going on; the client of that call's
visitor is here, and is forgotten when the call ends.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from towpath.client.protocols import Client
from towpath.plugin import wire
from towpath.plugin.reading import ClientApi

QUESTIONS_MAX = 100
"""Of one call."""


class _Get(msgspec.Struct, frozen=True):
    api_version: str
    kind: str
    name: str
    namespace: str | None = None


class _List(msgspec.Struct, frozen=True):
    api_version: str
    kind: str
    namespace: str | None = None
    labels: str = ""
    fields: str = ""
    limit: int = 0


@dataclass(slots=True)
class Asked:
    """One call's client, and how much the call has asked."""

    client: Client
    project: str
    questions: int = 0

    async def answer(self, message: wire.Ask) -> wire.Answer:
        self.questions += 1
        if self.questions > QUESTIONS_MAX:
            sentence = f"one call may ask the API at most {QUESTIONS_MAX} times"
            return wire.Answer(message.ask, None, "other", sentence)
        try:
            return wire.Answer(message.ask, await self._found(message))
        except LookupError as error:
            return wire.Answer(message.ask, None, "missing", str(error))
        except PermissionError as error:
            return wire.Answer(message.ask, None, "forbidden", str(error))
        except RuntimeError as error:
            return wire.Answer(message.ask, None, "other", str(error))
        except msgspec.ValidationError as error:
            return wire.Answer(message.ask, None, "other", f"the question is not valid: {error}")

    async def _found(self, message: wire.Ask) -> Any:
        api = ClientApi(self.client, self.project)
        if message.verb == "get":
            one = msgspec.convert(message.arguments, _Get)
            return await api.get(one.api_version, one.kind, one.name, namespace=one.namespace)
        many = msgspec.convert(message.arguments, _List)
        return await api.list(
            many.api_version,
            many.kind,
            namespace=many.namespace,
            labels=many.labels,
            fields=many.fields,
            limit=many.limit,
        )
