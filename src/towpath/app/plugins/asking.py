"""What a plug-in asks the API for, in the name of one call: to read, with the visitor's rights.

The plug-in never holds a credential. It names a call that is going on; the client of that call's
visitor is here, and is forgotten when the call ends.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from towpath.client.protocols import Client
from towpath.machinery.errors import Forbidden, NotFound, StatusError
from towpath.plugin import wire

QUESTIONS_MAX = 100
"""Of one call."""
OBJECTS_MAX = 500


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
        except NotFound as error:
            return wire.Answer(message.ask, None, "missing", error.message)
        except Forbidden as error:
            return wire.Answer(message.ask, None, "forbidden", error.message)
        except StatusError as error:
            return wire.Answer(message.ask, None, "other", error.message)
        except msgspec.ValidationError as error:
            return wire.Answer(message.ask, None, "other", f"the question is not valid: {error}")

    async def _found(self, message: wire.Ask) -> Any:
        if message.verb == "get":
            one = msgspec.convert(message.arguments, _Get)
            resource = await self.client.resolve(one.api_version, one.kind)
            return await self.client.get(resource, one.name, self._namespace(one.namespace))
        many = msgspec.convert(message.arguments, _List)
        resource = await self.client.resolve(many.api_version, many.kind)
        listed = await self.client.list(
            resource,
            self._namespace(many.namespace),
            labels=many.labels,
            fields=many.fields,
            limit=min(many.limit, OBJECTS_MAX) if many.limit > 0 else OBJECTS_MAX,
        )
        return listed.items

    def _namespace(self, asked: str | None) -> str:
        return self.project if asked is None else asked
