"""Manifests: what a commit says, and in which order it is applied."""

import pytest

from towpath.capabilities.delivery.gitops.kinds import TRACKING_ANNOTATION
from towpath.capabilities.delivery.gitops.state.manifests import (
    Manifest,
    ManifestError,
    digest,
    in_waves,
    parse_manifests,
    placed,
    tracked_by,
)
from towpath.engines.git.port import File

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
WAVE = (
    "apiVersion: v1\nkind: %s\nmetadata: {name: %s, "
    'annotations: {argocd.argoproj.io/sync-wave: "%d"}}\n'
)


def parse(files: dict[str, str], *, recurse: bool = False) -> list[Manifest]:
    return parse_manifests(
        {name: File(text.encode()) for name, text in files.items()}, recurse=recurse
    )


def names(manifests: list[Manifest]) -> list[str]:
    return [manifest.id.name for manifest in manifests]


def test_documents_and_lists_are_unfolded_and_other_files_are_left() -> None:
    listed = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n"
    )
    files = {
        "a.yaml": CONFIG % "a" + "---\n" + CONFIG % "b",
        "b.yml": listed,
        "README.md": "# no manifest",
        "sub/c.yaml": CONFIG % "d",
    }
    assert names(parse(files)) == ["a", "b", "c"]
    assert names(parse(files, recurse=True)) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: [", id="broken YAML"),
        pytest.param("- 1", id="a list"),
        pytest.param("kind: ConfigMap\nmetadata: {name: a}", id="no apiVersion"),
        pytest.param("apiVersion: v1\nmetadata: {name: a}", id="no kind"),
        pytest.param("apiVersion: v1\nkind: ConfigMap", id="no name"),
        pytest.param(CONFIG % "a" + "---\n" + CONFIG % "a", id="the same object twice"),
        pytest.param(
            "apiVersion: v1\nkind: Job\nmetadata: {name: a, annotations: "
            "{argocd.argoproj.io/hook: PreSync}}",
            id="a hook, which is not implemented",
        ),
    ],
)
def test_what_cannot_be_read_is_an_error_that_names_the_file(text: str) -> None:
    with pytest.raises(ManifestError, match=r"bad\.yaml"):
        parse({"bad.yaml": text})


def test_placing_fills_the_namespace_and_tracks() -> None:
    (manifest,) = parse({"a.yaml": CONFIG % "a"})
    found = placed(manifest, "app", "target", namespaced=True)
    assert found.id.namespace == "target"
    annotations = found.obj["metadata"]["annotations"]
    assert annotations[TRACKING_ANNOTATION] == "app:/ConfigMap:target/a"
    assert tracked_by(found.obj) == "app"
    assert "annotations" not in manifest.obj["metadata"], "what was parsed stays as it is"


@pytest.mark.parametrize(
    "annotation",
    [
        pytest.param("", id="none"),
        pytest.param("app:apps/Deployment:target/a", id="of another kind, copied along"),
        pytest.param("app:/ConfigMap:target/b", id="of another name"),
        pytest.param("app:/ConfigMap:other/a", id="of another namespace"),
    ],
)
def test_an_annotation_that_does_not_name_its_own_object_is_ignored(annotation: str) -> None:
    (manifest,) = parse({"a.yaml": CONFIG % "a"})
    obj = placed(manifest, "app", "target", namespaced=True).obj
    obj["metadata"]["annotations"] = {TRACKING_ANNOTATION: annotation}
    assert tracked_by(obj) == ""


def test_order_is_wave_then_class_of_kind_then_name() -> None:
    files = {
        "a.yaml": WAVE % ("Pod", "late", 1),
        "b.yaml": WAVE % ("Pod", "b", 0),
        "c.yaml": WAVE % ("ConfigMap", "a", 0),
        "d.yaml": WAVE % ("Secret", "z", 0),
        "e.yaml": WAVE % ("Pod", "first", -1),
        "f.yaml": WAVE % ("Namespace", "n", 0),
    }
    found = [[names(kinds) for kinds in classes] for classes in in_waves(parse(files))]
    assert found == [[["first"]], [["n"], ["a", "z"], ["b"]], [["late"]]]


def test_the_digest_is_of_the_content_alone() -> None:
    one = parse({"a.yaml": CONFIG % "a", "b.yaml": CONFIG % "b"})
    two = parse({"y.yaml": CONFIG % "b", "z.yaml": CONFIG % "a"})
    assert digest(one) == digest(two)
    assert digest(one) != digest(one[:1])
