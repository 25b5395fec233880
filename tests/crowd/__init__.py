"""A crowd: a platform with as many services as one likes, made in seconds, the same for a seed.

    python -m tests.crowd DATA_DIR --services 5000     then: towpath up --data-dir DATA_DIR

    async with running_crowd(folder, services=1000) as platform: ...      # a platform process

What is made are real objects in a platform's store, as its controllers leave them, pipeline logs
and catalogue entries. They are put there while the platform is stopped, through its own schemas,
with times of the past. Nothing of it runs: see `objects` for how that is told to the controllers.

    words     names
    plan      what each service is and how it is doing, by the seed
    objects   the objects of it
    runs      pipeline and template runs, with logs
    singles   one each of what only some projects have: an action, a campaign, an initiative
    filling   into a stopped platform's data directory
"""

from tests.crowd.filling import Filled, fill, running_crowd

__all__ = ["Filled", "fill", "running_crowd"]
