"""An action on a thing that is there, approved by a second person, done, and taken back."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from tests.browser import steps
from tests.browser.people import SOON_MS, person
from tests.platform import PlatformProcess

pytestmark = [pytest.mark.browser]

OFFER = """\
apiVersion: towpath.dev/v1alpha1
kind: Action
metadata: {name: set-tone, namespace: demo}
spec:
  title: Set the tone
  description: Says how letters to customers sound.
  operation: DAY-2
  target: {apiVersion: v1, kind: ConfigMap}
  visible: "has(object.data) && 'tone' in object.data"
  userInputs:
    properties:
      tone: {type: string, title: Tone, default: "${object.data.tone + ' indeed'}"}
    required: [tone]
  approval: {required: 1}
  backend: {type: object, object: {operation: patch, patch: {data: {tone: "${inputs.tone}"}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: letters, namespace: demo}
data: {tone: kind}
"""
LETTERS = "/objects/platform/core/v1/configmaps/demo/letters"


async def test_a_second_person_approves_what_the_first_has_asked_for(
    browser: Browser, shared_platform: PlatformProcess, tmp_path: Path
) -> None:
    (tmp_path / "offer.yaml").write_text(OFFER)
    applied = await shared_platform.towpath("apply", "--file", str(tmp_path / "offer.yaml"))
    assert applied.code == 0, applied.stderr
    alice = await person(browser, shared_platform, "alice")
    bob = await person(browser, shared_platform, "bob")
    page = alice.page
    for one in (alice, bob):
        one.begin()

    # The action stands on the page of the thing, and its form knows the thing.
    await alice.open(LETTERS)
    await page.get_by_role("link", name="Set the tone").click()
    await expect(page.get_by_label("Tone")).to_have_value("kind indeed")
    await page.get_by_label("Tone").fill("plain")
    await page.get_by_label("Why").fill("Letters are too long")
    await page.get_by_role("button", name="Set the tone").click()
    await expect(page.get_by_text("somebody else must approve it")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve", exact=True)).to_have_count(0)

    # It came to Bob, who has had his home page open all the while.
    asked = steps.main(bob.page).get_by_role("link", name=re.compile("Approve Set the tone"))
    await asked.first.click(timeout=SOON_MS)
    await expect(bob.page.get_by_text("Letters are too long").first).to_be_visible()
    await bob.page.get_by_label("Comment").fill("Looks good")
    await bob.page.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.get_by_text("bob approved: Looks good").first).to_be_visible(timeout=SOON_MS)
    await expect(page.get_by_text("ConfigMap letters is changed.").first).to_be_visible(
        timeout=SOON_MS
    )

    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("ConfigMap letters is as it was.").first).to_be_visible(
        timeout=SOON_MS
    )
    for one in (alice, bob):
        assert one.complaints == []
        await one.context.close()
