"""Upgrades of living services: who is behind a template, and how they come forward.

    answers      what a repository says of itself: template, version, answers
    versions     a template as it was at a commit, and what lies between two
    rendering    a version with answers becomes files
    proposing    old rendering, new rendering, the repository's head: git's three-way merge
    instances    TemplateInstance: which repository came of what, and who is behind
    upgrading    TemplateUpgrade: the merge on a branch, checked, merged or closed
    campaigns    UpgradeCampaign: all of them, in waves

Rules: nothing is written to main but by a merge that somebody asked for, or that a campaign may do
when the pipelines are green. What people commit to the branch is kept. What git cannot merge is
shown as a conflict, and is never guessed.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="upgrades",
    summary="Upgrades of services to newer versions of the template that they came of",
    kinds=".kinds:KINDS",
    objects=".roles:OBJECTS",
    controllers=".controllers:controllers",
    commands=".commands:COMMANDS",
    pages=".pages:PAGES",
    tabs=".pages:TABS",
    checks=".pages:CHECKS",
)
