"""Volumes as folders."""

from pathlib import Path

import pytest

from towpath.localcluster.pods.environment import ConfigMissing
from towpath.localcluster.pods.volumes import Data, VolumeRefused, files_of, write
from towpath.machinery.objects import RawObject

CONFIG: RawObject = {"kind": "ConfigMap", "data": {"a": "1", "b": "2"}}
SECRET: RawObject = {"kind": "Secret", "data": {"k": "djE="}}
DATA: Data = {"configMap": {"c": CONFIG, "gone": None}, "secret": {"s": SECRET}}
POD: RawObject = {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {}}


def test_projected_sources_share_a_folder(tmp_path: Path) -> None:
    sources = [
        {"configMap": {"name": "c", "items": [{"key": "a", "path": "sub/a.txt"}]}},
        {"secret": {"name": "s"}},
        {"downwardAPI": {"items": [{"path": "me", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ]
    files = files_of({"name": "v", "projected": {"sources": sources}}, POD, "127.64.0.1", DATA)
    write(tmp_path / "v", files)
    assert (tmp_path / "v/sub/a.txt").read_text() == "1"
    assert (tmp_path / "v/k").read_text() == "v1"
    assert (tmp_path / "v/me").read_text() == "p"


def test_an_empty_folder_keeps_what_is_in_it(tmp_path: Path) -> None:
    volume = {"name": "v", "emptyDir": {}}
    write(tmp_path / "v", files_of(volume, POD, "", DATA))
    (tmp_path / "v/made").touch()
    write(tmp_path / "v", files_of(volume, POD, "", DATA))
    assert (tmp_path / "v/made").exists()


def test_what_is_missing_or_unknown_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigMissing):
        files_of({"name": "v", "configMap": {"name": "gone"}}, POD, "", DATA)
    assert (
        files_of({"name": "v", "configMap": {"name": "gone", "optional": True}}, POD, "", DATA)
        == {}
    )
    with pytest.raises(VolumeRefused):
        files_of({"name": "v", "hostPath": {"path": "/"}}, POD, "", DATA)
    with pytest.raises(VolumeRefused):
        write(tmp_path / "v", {"../../out": (b"", 0o644)})
