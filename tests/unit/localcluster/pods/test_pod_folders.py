"""A pod's folder goes whole, also when a crash cuts its removal off."""

import shutil
from pathlib import Path

import pytest

from towpath.localcluster.pods.agent import CLUSTER_MARK, remove_folder


def pod_folder(root: Path) -> Path:
    folder = root / "uid"
    (folder / "logs" / "main").mkdir(parents=True)
    (folder / "logs" / "main" / "0.log").write_text("x")
    (folder / CLUSTER_MARK).write_text("local")
    (folder / "a-file").write_text("x")
    return folder


def test_a_folder_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    folder = pod_folder(tmp_path)
    remove_folder(folder)
    assert not folder.exists()
    remove_folder(folder)


def test_a_removal_that_is_cut_off_is_still_known_as_the_clusters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pod_folder(tmp_path)

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", crash)
        with pytest.raises(KeyboardInterrupt):
            remove_folder(folder)
    assert (folder / CLUSTER_MARK).read_text() == "local"
    remove_folder(folder)
    assert not folder.exists()
