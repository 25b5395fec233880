"""Git's smart HTTP as a client speaks it: what is sent and what comes, as bytes.

Pure: who sends them has its own care for addresses. Version 0 of the protocol, without side bands,
which every host speaks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from towpath.engines.git.port import GitError
from towpath.machinery.objects import CommitSHA

REFS = "info/refs?service=git-upload-pack"
FETCH = "git-upload-pack"
FETCH_TYPE = "application/x-git-upload-pack-request"
PUSH = "git-receive-pack"
PUSH_TYPE = "application/x-git-receive-pack-request"

_NOTHING = "0" * 40
_SHA_LENGTHS = (40, 64)
_ERROR_SHOWN_MAX = 300
_BAND = b"\x01"
# Azure DevOps answers nobody who does not offer multi_ack_detailed.
_FETCH_ABILITIES = "multi_ack_detailed ofs-delta agent=towpath"


class WireError(GitError):
    """The other side said no, or nothing that Git knows."""


@dataclass(frozen=True, slots=True)
class RefOrder:
    """A ref that is to move there. None is where none was, or shall be."""

    ref: str
    old: CommitSHA | None
    new: CommitSHA | None


def refs_of(answer: bytes) -> dict[str, CommitSHA]:
    """What a host has, by the full names of refs. Raises WireError."""
    lines = _lines(answer)
    if not lines or not lines[0].startswith(b"# service="):
        raise WireError("it answered nothing that Git knows; is the address a repository's?")
    found = {}
    for line in lines[1:]:
        sha, _, name = line.partition(b"\0")[0].decode("utf-8", "replace").strip().partition(" ")
        if len(sha) in _SHA_LENGTHS and name and name != "capabilities^{}":
            found[name] = CommitSHA(sha)
    return found


def fetch_request(
    wants: Sequence[CommitSHA], haves: Sequence[CommitSHA], *, depth: int = 0
) -> bytes:
    """Of POST <repository>/git-upload-pack. `depth` commits of history, all where it is 0."""
    first, *others = wants
    lines = [_line(f"want {first} {_FETCH_ABILITIES}{' shallow' if depth else ''}\n".encode())]
    lines += [_line(f"want {one}\n".encode()) for one in others]
    if depth:
        lines.append(_line(f"deepen {depth}\n".encode()))
    lines.append(b"0000")
    lines += [_line(f"have {one}\n".encode()) for one in haves]
    return b"".join([*lines, _line(b"done\n")])


def pack_of(answer: bytes) -> bytes:
    """The pack, which comes after some lines of what both have. Raises WireError."""
    at = 0
    while at < len(answer) and not answer.startswith(b"PACK", at):
        length = _length(answer, at)
        if length is None:
            raise WireError(f"it sent no pack: {_shown(answer[at : at + _ERROR_SHOWN_MAX])}")
        if answer.startswith(b"ERR ", at + 4):
            raise WireError(f"it sent no pack: {_shown(answer[at + 4 : at + length])}")
        at += max(length, 4)
    if at >= len(answer):
        raise WireError("it sent no pack")
    return answer[at:]


def push_request(orders: Sequence[RefOrder], pack: bytes) -> bytes:
    """Of POST <repository>/git-receive-pack. There is no pack where refs only go."""
    words = [f"{one.old or _NOTHING} {one.new or _NOTHING} {one.ref}" for one in orders]
    first, *others = words
    abilities = "report-status delete-refs" if any(one.new is None for one in orders) else ""
    lines = [_line(f"{first}\0 {abilities or 'report-status'} agent=towpath".encode())]
    lines += [_line(word.encode()) for word in others]
    return b"".join([*lines, b"0000"]) + pack


def refusal_of(answer: bytes) -> str:
    """Why a push was not taken, "" when it was."""
    lines = [line.decode("utf-8", "replace").strip() for line in _lines(answer)]
    is_refused = any(line.startswith("ng ") for line in lines)
    if "unpack ok" in lines and not is_refused and any(one.startswith("ok refs/") for one in lines):
        return ""
    told = [line for line in lines if line.startswith(("ng ", "unpack ", "ERR ")) and line]
    return "; ".join(told)[:_ERROR_SHOWN_MAX] or "it answered nothing that Git knows"


def _line(content: bytes) -> bytes:
    return f"{len(content) + 4:04x}".encode() + content


def _length(packets: bytes, at: int) -> int | None:
    """Of the packet that begins there, with these four digits."""
    digits = packets[at : at + 4]
    try:
        return int(digits, 16) if digits.isalnum() else None
    except ValueError:
        return None


def _lines(answer: bytes) -> list[bytes]:
    """The packets of an answer, also of one in a side band, which cuts them anywhere."""
    packets = [*_packets(answer)]
    within = b"".join(packet[1:] for packet in packets if packet[:1] == _BAND)
    return [*_packets(within), *(packet for packet in packets if packet[:1] != _BAND)]


def _packets(answer: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 <= len(answer) and (length := _length(answer, at)) is not None:
        if content := answer[at + 4 : at + length]:
            yield content
        at += max(length, 4)


def _shown(told: bytes) -> str:
    return told[:_ERROR_SHOWN_MAX].decode("utf-8", "replace").strip()
