"""Whose images a pod may run: what is in an image, who runs it can read."""

import pytest

from towpath.localcluster.pods.commands import ImageRefused
from towpath.localcluster.pods.images import refuse_foreign

DIGEST = "@sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("reference", "project"),
    [
        pytest.param(f"registry.towpath.dev/shop/api{DIGEST}", "shop", id="its own project's"),
        pytest.param(f"registry.towpath.dev/shop/api{DIGEST}", "local/tools", id="administrators'"),
        pytest.param("python:3.12", "shop", id="another registry's, which the registry refuses"),
    ],
)
def test_may_run(reference: str, project: str) -> None:
    refuse_foreign(reference, project)


@pytest.mark.parametrize("host", ["registry.towpath.dev", "localhost:8080"])
def test_an_image_of_another_project_is_refused_by_both_names(host: str) -> None:
    with pytest.raises(ImageRefused, match=r"project bank.*project shop"):
        refuse_foreign(f"{host}/bank/ledger{DIGEST}", "shop")
