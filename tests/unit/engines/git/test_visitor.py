"""What somebody may not read is to them as if it were not there, word for word."""

from pathlib import Path

import pytest
from tests.people import People

from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.port import RepositoryName, RepositoryNotFound
from towpath.engines.git.visitor import VisitorsGit
from towpath.machinery.users import UserInfo

NAMES = {
    "a hidden one": RepositoryName("other", "secret"),
    "none": RepositoryName("other", "nothing"),
    "a name that leads out": RepositoryName("demo", "../other/secret"),
}


@pytest.mark.parametrize("repository", NAMES.values(), ids=NAMES.keys())
async def test_nobody_learns_whether_there_is_one(
    tmp_path: Path, repository: RepositoryName
) -> None:
    people = People()
    async with EmbeddedGitHost(
        tmp_path, lambda: "http://localhost", people.authenticate, people.authorize
    ) as host:
        await host.create(NAMES["a hidden one"], owner_uid="u")
        stranger = VisitorsGit(host, people.authorize, UserInfo("eve"))
        with pytest.raises(RepositoryNotFound) as told:
            await stranger.heads(repository)
        assert await host.repositories(f"../{tmp_path.name}/other") == []
        assert await host.repositories("other") == [NAMES["a hidden one"]]
    assert str(told.value) == f"There is no repository {repository}, or it is not yours."
    assert [asked.namespace for _, asked in people.asked] == [repository.project]
