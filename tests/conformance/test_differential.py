"""A real kube-apiserver and ours answer the same requests the same way.

What may differ is in docs/reference/differences.md, one row for each entry of `ACCEPTED`.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.conformance.differences import ACCEPTED, accepted
from tests.conformance.sequences import SEQUENCES
from tests.conformance.sides import Side, Step, differences
from tests.conformance.webhooks import WEBHOOK_SEQUENCES
from tests.webhooks import Webhook, running_webhook

DOCUMENT = Path(__file__).parents[2] / "docs/reference/differences.md"


@pytest.mark.parametrize("steps", SEQUENCES)
async def test_both_answer_the_same(sides: tuple[Side, Side], steps: Sequence[Step]) -> None:
    await answer_the_same(sides, steps)


@pytest.mark.parametrize("make_steps", WEBHOOK_SEQUENCES)
async def test_both_ask_webhooks_in_the_same_way(
    sides: tuple[Side, Side], make_steps: Callable[[Webhook], Sequence[Step]], tmp_path: Path
) -> None:
    async with running_webhook(tmp_path) as webhook:
        await answer_the_same(sides, make_steps(webhook))


async def answer_the_same(sides: tuple[Side, Side], steps: Sequence[Step]) -> None:
    kube, ours = sides
    namespace = f"diff{secrets.token_hex(4)}"
    answers = await asyncio.gather(kube.run(steps, namespace), ours.run(steps, namespace))
    compared = [step for step in steps if not step.quiet]
    story = []
    for number, (step, theirs, mine) in enumerate(zip(compared, *answers, strict=True)):
        found = [line for line in differences(step, theirs, mine) if not accepted(step, line)]
        if found:
            query = "&".join(f"{name}={value}" for name, value in step.query.items())
            said = f"{number}. {step.method} {step.path} {query} {str(step.body)[:150]}"
            story += [said, *(f"     {line}" for line in found)]
    assert not story, "\n" + "\n".join(story)


def test_every_accepted_difference_is_explained() -> None:
    explained = DOCUMENT.read_text()
    unexplained = [entry.name for entry in ACCEPTED if f"`{entry.name}`" not in explained]
    assert not unexplained
