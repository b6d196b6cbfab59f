"""Whatever is spoiled in a trail is found, and what can't be found is named.

A small trail with all its parts is spoiled in thousands of ways, one at a time. How many
pass is printed, and why each of them may.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.history.layout import Layout
from protipp_stream.history.report import INTACT
from protipp_stream.history.verifying import verify
from tests.history.trails import TrailWriter, contents, full_trail

MUTATIONS = 3000


@pytest.fixture
def trail(tmp_path: Path) -> TrailWriter:
    return full_trail(tmp_path / "audit")


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


Spoil = Callable[[random.Random, list[Path]], str | None]


def flip(draw: random.Random, files: list[Path]) -> str | None:
    path = draw.choice([file for file in files if file.stat().st_size])
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)
    return path.name


def truncate(draw: random.Random, files: list[Path]) -> str | None:
    path = draw.choice([file for file in files if file.stat().st_size])
    path.write_bytes(path.read_bytes()[: draw.randrange(path.stat().st_size)])
    return path.name


def append_garbage(draw: random.Random, files: list[Path]) -> str | None:
    path = draw.choice(files)
    append(path, draw.randbytes(draw.randrange(1, 40)) + draw.choice([b"", b"\n"]))
    return path.name


def delete(draw: random.Random, files: list[Path]) -> str | None:
    path = draw.choice(files)
    path.unlink()
    return path.name


def overwrite(draw: random.Random, files: list[Path]) -> str | None:
    path = draw.choice([file for file in files if file.stat().st_size])
    data = path.read_bytes()
    at, length = draw.randrange(len(data)), draw.randrange(1, 64)
    path.write_bytes(data[:at] + bytes(len(data[at : at + length])) + data[at + length :])
    return None if path.read_bytes() == data else path.name


def swap_files(draw: random.Random, files: list[Path]) -> str | None:
    one, other = draw.sample(files, 2)
    ours, theirs = one.read_bytes(), other.read_bytes()
    one.write_bytes(theirs)
    other.write_bytes(ours)
    return None if ours == theirs else f"{one.name} <-> {other.name}"


def copy_file(draw: random.Random, files: list[Path]) -> str | None:
    path = draw.choice([file for file in files if file.suffix in {".parquet", ".jsonl"}])
    if path.parent.name not in {"hot"} and path.suffix == ".jsonl":
        return None
    number = draw.randrange(10**6)
    name = draw.choice([f"{number:012d}-{number + 9:012d}.parquet", f"{number:012d}.jsonl", "x"])
    shutil.copy(path, path.with_name(name))
    return name


def lines_spoiled(draw: random.Random, files: list[Path], how: str) -> str | None:
    path = draw.choice([file for file in files if file.suffix == ".jsonl"])
    lines = path.read_bytes().splitlines(keepends=True)
    one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    before = list(lines)
    if how == "drop":
        del lines[one]
    elif how == "swap":
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines.insert(other, lines[one])
    path.write_bytes(b"".join(lines))
    return None if lines == before else path.name


def drop_line(draw: random.Random, files: list[Path]) -> str | None:
    return lines_spoiled(draw, files, "drop")


def swap_lines(draw: random.Random, files: list[Path]) -> str | None:
    return lines_spoiled(draw, files, "swap")


def repeat_line(draw: random.Random, files: list[Path]) -> str | None:
    return lines_spoiled(draw, files, "repeat")


SPOILS: tuple[Spoil, ...] = (
    flip,
    flip,
    truncate,
    append_garbage,
    delete,
    overwrite,
    swap_files,
    copy_file,
    drop_line,
    swap_lines,
    repeat_line,
)


def changed_in(before: dict[Path, bytes], after: dict[Path, bytes]) -> set[Path]:
    return {path for path in before | after if before.get(path) != after.get(path)}


def may_pass(layout: Layout, path: Path, before: bytes) -> str | None:
    """Why a change of this file is no change of the trail; None if it must be found."""
    if path.name in {"writer.lock", "sealer.lock", "trail.lock"}:
        return "a lock file: nothing is in it"
    if path.name == "privacy.keys":
        return "privacy.keys: they may be kept elsewhere"
    if (
        path == layout.personal
        and path.exists()
        and personal(path.read_bytes()) == personal(before)
    ):
        return "personal.sqlite: no ciphertext"
    if path == layout.private_key:
        if not path.exists():
            return "signing.key is gone: it may be kept elsewhere"
        if same_private(path.read_bytes(), before):
            return "signing.key: another spelling of the same key"
    if path == layout.checkpoint and path.exists():
        old, new = (msgspec.json.decode(data, type=Checkpoint) for data in (before, read(path)))
        if msgspec.structs.replace(new, sig=new.sig.lower()) == old:
            return "checkpoint.json: another spelling of the same checkpoint"
    return None


def read(path: Path) -> bytes:
    return path.read_bytes()


def personal(data: bytes) -> list[tuple[object, ...]]:
    """What is encrypted in a ``personal.sqlite``."""
    file = sqlite3.connect(":memory:")
    file.deserialize(data)
    try:
        return file.execute(
            "SELECT n, part, key, ciphertext FROM parts ORDER BY n, part"
        ).fetchall()
    finally:
        file.close()


def same_private(one: bytes, other: bytes) -> bool:
    keys = [load_pem_private_key(data, None) for data in (one, other)]
    raw = [key.private_bytes_raw() for key in keys if isinstance(key, Ed25519PrivateKey)]
    return raw[0] == raw[1]


def restore(before: dict[Path, bytes], folder: Path) -> None:
    for path, data in contents(folder).items():
        if path not in before:
            path.unlink()
        elif before[path] != data:
            path.write_bytes(before[path])
    for path, data in before.items():
        if not path.exists():
            path.write_bytes(data)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_thousands_of_mutations_are_found(
    trail: TrailWriter, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, draw = trail.layout.folder, random.Random(5)
    before = contents(folder)
    statuses: Counter[int] = Counter()
    passed: Counter[str] = Counter()
    for _ in range(MUTATIONS):
        how = draw.choice(SPOILS)
        what = how(draw, list(before))
        if what is not None:
            changed = changed_in(before, contents(folder))
            status = verify(folder).status
            statuses[status] += 1
            if status == INTACT:
                reasons = {may_pass(trail.layout, path, before[path]) for path in changed}
                assert None not in reasons, f"{how.__name__} {what} was not found"
                passed.update(reason for reason in reasons if reason)
        restore(before, folder)
    assert verify(folder).status == INTACT
    with capsys.disabled():
        found = sum(statuses.values()) - statuses[INTACT]
        print(f"\n{sum(statuses.values())} mutations, {found} found: {dict(statuses)}; passed:")  # noqa: T201
        for reason, count in passed.most_common():
            print(f"  {count} {reason}")  # noqa: T201
