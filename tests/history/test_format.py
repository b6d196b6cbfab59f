"""FORMAT.md is right: its own code runs on a trail, and every column is in it."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

import protipp_stream.history
from protipp_stream.history.access import erase
from protipp_stream.history.access.record import Tombstone, TrailLine
from protipp_stream.history.layout import KINDS
from protipp_stream.history.sealing import seal
from protipp_stream.history.tables import SCHEMAS
from tests.history.trails import TrailWriter

FORMAT = (Path(protipp_stream.history.__file__).parent / "FORMAT.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", FORMAT, re.DOTALL)


@pytest.fixture
def trail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrailWriter:
    monkeypatch.chdir(tmp_path)
    writer = TrailWriter(tmp_path / "audit")
    writer.busy(10)
    return writer


def test_the_five_lines_check_a_chain(trail: TrailWriter) -> None:
    exec(BLOCKS[0], {})
    data = trail.segment.read_bytes()
    trail.segment.write_bytes(data.replace(b"book1", b"book2", 1))
    with pytest.raises(AssertionError):
        exec(BLOCKS[0], {})


def test_the_shell_line_cuts_what_is_hashed(trail: TrailWriter) -> None:
    seal(trail.layout.folder, now=trail.now)
    line = trail.layout.manifest.read_bytes().splitlines(keepends=True)[-1]
    assert "head -c -76 | sha256sum" in FORMAT
    assert hashlib.sha256(line[:-76]).hexdigest() == msgspec.json.decode(line)["hash"]


def test_a_signature_is_over_what_it_says(trail: TrailWriter) -> None:
    said = msgspec.json.decode(trail.layout.checkpoint.read_bytes())
    signed = b"protipp_stream checkpoint 1\n" + msgspec.json.encode(said | {"sig": ""})
    key = load_pem_public_key(trail.layout.public_key.read_bytes())
    key.verify(bytes.fromhex(said["sig"]), signed)  # type: ignore[union-attr, call-arg]


def test_the_line_for_pandas_works(trail: TrailWriter) -> None:
    seal(trail.layout.folder, now=trail.now)
    [block] = [block for block in BLOCKS if "pd.read_parquet" in block]
    line = block.splitlines()[0]
    frame = eval(line, {"pd": pd, "event": "event-03"})
    assert set(frame["event_id"]) == {"event-03"}


def test_what_is_personal_opens_as_it_says(trail: TrailWriter) -> None:
    trail.access(2)
    [block] = [block for block in BLOCKS if "sqlite3" in block]
    said: dict[str, Any] = {}
    exec(block, said)
    alice = {"subject": "alice", "connection": "c1"}
    assert said["known"] == {
        n: alice | {"address": "192.0.2.7", "user_agent": "Notebook/1.0"} for n in (0, 1)
    }


def test_every_part_of_the_access_trail_is_described(trail: TrailWriter) -> None:
    chapter = FORMAT[FORMAT.index("## The access trail") :]
    trail.access(1)
    with closing(sqlite3.connect(trail.layout.personal)) as file:
        tables = [name for [name] in file.execute("SELECT name FROM sqlite_master") if name]
    tables = [name for name in tables if not name.startswith(("sqlite_", "parts_of"))]
    members = {*TrailLine.__struct_fields__, *Tombstone.__struct_fields__, *tables}
    assert len(tables) == 5
    assert [name for name in members if f"`{name}`" not in chapter] == []
    assert erase(trail.layout.folder, "alice").keys == 1
    stone = json.loads(trail.layout.access_trail.read_bytes().splitlines()[-1])["tombstone"]
    assert stone == {"kind": "erased", "subject": 1, "address": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_is_described(kind: str) -> None:
    described = FORMAT[FORMAT.index(f"**{kind}**") :].split("\n**")[0]
    assert [name for name in SCHEMAS[kind].names if name not in described] == []
