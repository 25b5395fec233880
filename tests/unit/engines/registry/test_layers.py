"""Laying layers: what lands where, and what no layer can do to the machine."""

import gzip
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from towpath.engines.registry.layers import LayerTree, link_tree
from towpath.engines.registry.port import ImageError, ImageInvalid

MIB = 2**20


def entry(
    name: str, content: bytes | None = None, **fields: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    info.size = len(content or b"")
    return info, content or b""


def folder(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.DIRTYPE, mode=mode)


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.SYMTYPE, linkname=target)


def hardlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.LNKTYPE, linkname=target)


class Layers:
    """Writes layers to files and lays them into one folder."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "root"
        self.root.mkdir()
        self.outside = tmp_path / "outside"
        self.outside.mkdir()
        self._files = tmp_path
        self._tree = LayerTree(self.root, MIB)
        self._count = 0

    def lay(self, *entries: tuple[tarfile.TarInfo, bytes], compress: bool = True) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for info, content in entries:
                tar.addfile(info, io.BytesIO(content))
        data = buffer.getvalue()
        self.lay_bytes(gzip.compress(data) if compress else data)

    def lay_bytes(self, data: bytes) -> None:
        self._count += 1
        file = self._files / f"layer{self._count}"
        file.write_bytes(data)
        self._tree.lay(file)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not path.is_symlink()
        }


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    return Layers(tmp_path)


@pytest.mark.parametrize("compress", [True, False], ids=["gzip", "plain tar"])
def test_files_folders_and_links_are_laid(layers: Layers, compress: bool) -> None:
    layers.lay(
        folder("app", 0o700),
        entry("app/run", b"#!", mode=0o700),
        entry("./app/secret", b"x", mode=0o400),
        symlink("app/link", "run"),
        hardlink("app/again", "app/run"),
        entry("dev/null", type=tarfile.CHRTYPE),
        entry("pipe", type=tarfile.FIFOTYPE),
        compress=compress,
    )
    assert layers.files() == {"app/run": b"#!", "app/again": b"#!", "app/secret": b"x"}
    assert (layers.root / "app/link").readlink() == Path("run")
    assert (layers.root / "app/run").stat().st_mode & 0o777 == 0o744
    assert (layers.root / "app/secret").stat().st_mode & 0o777 == 0o644
    assert (layers.root / "app").stat().st_mode & 0o777 == 0o755


def test_an_upper_layer_replaces_and_deletes(layers: Layers) -> None:
    layers.lay(entry("a", b"1"), entry("b/c", b"2"), entry("b/d", b"3"), entry("e/f", b"4"))
    layers.lay(
        entry("a", b"new"),
        entry("b/.wh.c"),
        entry("e/new", b"5"),
        entry("e/.wh..wh..opq"),
        entry(".wh.never-there"),
    )
    assert layers.files() == {"a": b"new", "b/d": b"3", "e/new": b"5"}


def test_a_file_becomes_a_folder_and_back(layers: Layers) -> None:
    layers.lay(entry("x", b"file"), entry("y/z", b"in a folder"))
    layers.lay(entry("x/inside", b"1"), entry("y", b"file"))
    assert layers.files() == {"x/inside": b"1", "y": b"file"}


def test_files_go_through_links_inside_the_image(layers: Layers) -> None:
    """As a distribution does it whose /bin is a link to usr/bin."""
    layers.lay(folder("usr"), folder("usr/bin"), symlink("bin", "usr/bin"))
    layers.lay(entry("bin/tool", b"1"))
    layers.lay(symlink("abs", "/usr/bin"), entry("abs/other", b"2"))
    assert layers.files() == {"usr/bin/tool": b"1", "usr/bin/other": b"2"}


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([symlink("x", "/etc"), entry("x/towpath-was-here", b"!")], id="absolute link"),
        pytest.param(
            [symlink("x", "../../outside"), entry("x/file", b"!")], id="relative link upwards"
        ),
        pytest.param(
            [symlink("x", "../outside"), symlink("y", "x"), entry("y/file", b"!")], id="two links"
        ),
        pytest.param(
            [symlink("x", "../outside/file"), entry("x", b"!")], id="a file in place of a link"
        ),
    ],
)
def test_links_never_lead_outside(
    layers: Layers, entries: Sequence[tuple[tarfile.TarInfo, bytes]]
) -> None:
    layers.lay(*entries)
    assert not list(layers.outside.iterdir())
    assert not Path("/etc/towpath-was-here").exists()
    assert b"!" in layers.files().values()


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([entry("../outside/file", b"!")], id="a name with dots"),
        pytest.param([entry("a/../../outside/file", b"!")], id="a name with dots inside"),
        pytest.param([hardlink("x", "../outside/known")], id="a hard link upwards"),
        pytest.param([hardlink("x", "/etc/passwd")], id="a hard link to a file of the host"),
        pytest.param([symlink("l", "/etc/passwd"), hardlink("x", "l")], id="a hard link to a link"),
        pytest.param([entry(".wh...", b"")], id="a whiteout of the parent"),
        pytest.param([entry("a/.wh.", b"")], id="a whiteout of nothing"),
        pytest.param(
            [symlink("a", "b"), symlink("b", "a"), entry("a/x", b"")], id="a circle of links"
        ),
        pytest.param([entry("big", b"x" * (2 * MIB))], id="more bytes than allowed"),
    ],
)
def test_hostile_layers_are_refused(
    layers: Layers, entries: Sequence[tuple[tarfile.TarInfo, bytes]]
) -> None:
    (layers.outside / "known").write_text("secret")
    with pytest.raises(ImageInvalid):
        layers.lay(*entries)
    assert [path.name for path in layers.outside.iterdir()] == ["known"]


def test_a_whiteout_of_a_link_deletes_the_link_alone(layers: Layers) -> None:
    (layers.outside / "kept").write_text("1")
    layers.lay(symlink("x", str(layers.outside)))
    layers.lay(entry(".wh.x"))
    assert (layers.outside / "kept").exists()
    assert not (layers.root / "x").is_symlink()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(gzip.compress(b"x" * 5000)[:-20], id="a cut gzip"),
        pytest.param(b"rubbish" * 1000, id="rubbish"),
        pytest.param(b"\x1f\x8brubbish", id="no gzip after all"),
    ],
)
def test_broken_layers_are_refused(layers: Layers, data: bytes) -> None:
    with pytest.raises(ImageInvalid):
        layers.lay_bytes(data)


def test_zstd_is_refused_by_name_where_python_has_none(layers: Layers) -> None:
    try:
        import compression.zstd  # noqa: F401
    except ImportError:
        with pytest.raises(ImageError, match="zstd"):
            layers.lay_bytes(b"\x28\xb5\x2f\xfd" + b"x" * 100)


def test_a_linked_tree_shares_files_and_can_be_changed_above(
    layers: Layers, tmp_path: Path
) -> None:
    layers.lay(entry("a/b", b"1"), symlink("a/l", "b"), entry("c", b"2"))
    copy = tmp_path / "copy"
    copy.mkdir()
    link_tree(layers.root, copy)
    assert (copy / "c").samefile(layers.root / "c")
    assert (copy / "a/l").readlink() == Path("b")
    other = Layers.__new__(Layers)
    other.__dict__ |= {"_files": tmp_path, "_tree": LayerTree(copy, MIB), "_count": 90}
    other.lay(entry("c", b"changed"))
    assert (layers.root / "c").read_bytes() == b"2"
    assert (copy / "c").read_bytes() == b"changed"
