"""Who goes next: one noisy client must not make the others wait.

There is one loop and most requests take no more than their computing, so what is shared out is the
turns of the loop. A turn starts up to TURN requests as they come. What is more than that waits,
each user in a line of their own, and the next turn starts those of whoever has had least: a
request costs one, and one more for each millisecond that it has kept the loop. So somebody who
asks once goes before the two hundred requests of somebody else, and long lists count as long.

Where nothing waits a request goes on at once: `enter` adds up a few numbers. Not counted in are
members of system:masters, requests of a FlowSchema whose level is exempt, health checks, and what
has no end (watches, logs, exec), of which each user may have LASTING_MAX. Who has REQUESTS_MAX
under way is told to come back (429, Retry-After).

Kubernetes' model is shares of concurrency by priority level; see docs/reference/differences.md.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from msgspec import Struct, field

from towpath.machinery.errors import TooManyRequests
from towpath.machinery.users import MASTERS, UserInfo

TURN = 32
REQUESTS_MAX = 1000
"""Of one user, under way and waiting."""
LASTING_MAX = 12_000
"""Watches and other streams of one user."""
WAIT_S_MAX = 15.0
COSTLY_S = 0.001
FLOWS_KEPT = 4096
RETRY_AFTER_S = 1
TOO_MANY = "too many requests, please try again later"


class Flow(Struct, eq=False):
    """The requests of one user."""

    user: str
    served: float = 0.0
    """What they have cost; newcomers begin where the others are."""
    under_way: int = 0
    waiting: deque["asyncio.Future[None]"] = field(default_factory=deque)


class Fairness:
    def __init__(self, *, turn: int = TURN, requests_max: int = REQUESTS_MAX) -> None:
        self.turn_number = 0
        self.dispatched = 0
        self.refused = {"queue-full": 0, "time-out": 0, "concurrency-limit": 0}
        self._turn_max = turn
        self._requests_max = requests_max
        self._turn = 0.0
        """What this turn of the loop has taken on; 0 when none is being counted."""
        self._flows: dict[str, Flow] = {}
        self._exempt = Flow("")
        self._lines: set[Flow] = set()
        """Flows with somebody waiting."""
        self._horizon = 0.0
        """The most that anybody has been served: newcomers start level with it."""
        self._lasting: dict[str, int] = {}

    @asynccontextmanager
    async def turn(self, user: UserInfo, *, exempt: bool = False) -> AsyncIterator[None]:
        """All of it around what is inside, where no microsecond counts."""
        flow = self.enter(user, exempt=exempt) or await self.wait(user)
        number, started = self.turn_number, time.perf_counter()
        try:
            yield
        finally:
            self.leave(flow, number, time.perf_counter() - started)

    def enter(self, user: UserInfo, *, exempt: bool = False) -> Flow | None:
        """The flow, to be given back by `leave`. None: the request must `wait`.

        On the way of every request: no coroutine, no new object. Raises TooManyRequests.
        """
        if exempt or MASTERS in user.groups:
            return self._exempt
        flow = self._flows.get(user.name)
        if flow is None:
            flow = self._newcomer(user.name)
        elif flow.under_way >= self._requests_max:
            self.refused["queue-full"] += 1
            raise TooManyRequests(TOO_MANY, retry_after_s=RETRY_AFTER_S)
        if self._lines or self._turn >= self._turn_max:
            return None
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self.dispatched += 1
        self._turn += 1
        flow.under_way += 1
        flow.served += 1
        if flow.served > self._horizon:
            self._horizon = flow.served
        return flow

    async def wait(self, user: UserInfo) -> Flow:
        """Returns when it is the request's turn. Raises TooManyRequests."""
        flow = self._flows[user.name]
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Who asks little and never stops asking must not save up for a flood.
        flow.served = max(flow.served, self._horizon - self._turn_max)
        flow.under_way += 1
        flow.waiting.append(place)
        self._lines.add(flow)
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                await place
        except TimeoutError:
            self._give_up(flow, place)
            self.refused["time-out"] += 1
            raise TooManyRequests(TOO_MANY, retry_after_s=RETRY_AFTER_S) from None
        except asyncio.CancelledError:
            self._give_up(flow, place)
            raise
        return flow

    def leave(self, flow: Flow, turn_number: int, seconds: float) -> None:
        """`turn_number` when it started, and how long it has taken."""
        flow.under_way -= 1
        if seconds > COSTLY_S and turn_number == self.turn_number and flow is not self._exempt:
            # It has waited for nothing, so its time was the loop's.
            cost = seconds * 1000
            flow.served += cost
            self._turn += cost

    @contextmanager
    def lasting(self, user: UserInfo, *, exempt: bool = False) -> Iterator[None]:
        """For what has no end of its own. Raises TooManyRequests."""
        if exempt or MASTERS in user.groups:
            yield
            return
        count = self._lasting.get(user.name, 0)
        if count >= LASTING_MAX:
            self.refused["concurrency-limit"] += 1
            raise TooManyRequests(
                f"too many open watches and streams of {user.name} (at most {LASTING_MAX}), "
                "please try again later",
                retry_after_s=RETRY_AFTER_S,
            )
        self._lasting[user.name] = count + 1
        try:
            yield
        finally:
            left = self._lasting[user.name] - 1
            if left:
                self._lasting[user.name] = left
            else:
                del self._lasting[user.name]

    def lines(self) -> Sequence[str]:
        """For /metrics, in Kubernetes' names."""
        name = "apiserver_flowcontrol"
        labels = 'priority_level="global-default",flow_schema="global-default"'
        waiting = sum(len(flow.waiting) for flow in self._lines)
        under_way = sum(flow.under_way for flow in self._flows.values())
        return [
            f"# TYPE {name}_current_inqueue_requests gauge",
            f"{name}_current_inqueue_requests{{{labels}}} {waiting}",
            f"# TYPE {name}_current_executing_requests gauge",
            f"{name}_current_executing_requests{{{labels}}} {under_way - waiting}",
            f"# TYPE {name}_dispatched_requests_total counter",
            f"{name}_dispatched_requests_total{{{labels}}} {self.dispatched}",
            f"# TYPE {name}_rejected_requests_total counter",
            *(
                f'{name}_rejected_requests_total{{{labels},reason="{reason}"}} {count}'
                for reason, count in self.refused.items()
            ),
        ]

    def _newcomer(self, user: str) -> Flow:
        if len(self._flows) >= FLOWS_KEPT:
            self._flows = {name: flow for name, flow in self._flows.items() if flow.under_way}
        flow = self._flows[user] = Flow(user, self._horizon)
        return flow

    def _next_turn(self) -> None:
        self._turn = 0.0
        self.turn_number += 1
        while self._lines and self._turn < self._turn_max:
            flow = min(self._lines, key=_served)
            place = flow.waiting.popleft()
            if not flow.waiting:
                self._lines.discard(flow)
            if not place.done():
                place.set_result(None)
                self.dispatched += 1
                self._turn += 1
                flow.served += 1
                self._horizon = max(self._horizon, flow.served)
        if self._turn:
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _give_up(self, flow: Flow, place: "asyncio.Future[None]") -> None:
        if place in flow.waiting:
            flow.waiting.remove(place)
            if not flow.waiting:
                self._lines.discard(flow)
        flow.under_way -= 1


def _served(flow: Flow) -> float:
    return flow.served
