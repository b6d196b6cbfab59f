"""Sealed rows beside those of the segments that they came from, read by plain loops."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from protipp_stream.history.layout import KINDS, Layout
from protipp_stream.history.manifest import read_manifest
from protipp_stream.history.tables import SCHEMAS
from tests.history.trails import TrailWriter


def trail(folder: Path, segments: int = 3) -> TrailWriter:
    writer = TrailWriter(folder)
    for _ in range(segments):
        writer.busy(10)
        writer.begin_segment()
    writer.busy(2)
    return writer


def instant(text: str | None) -> pd.Timestamp | None:
    return None if text is None else pd.Timestamp(text)


def obvious(paths: list[Path]) -> dict[str, list[dict[str, Any]]]:
    """What the lines of segments say, read with `json` alone."""
    rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for path in paths:
        for text in path.read_bytes().splitlines():
            line = json.loads(text)
            n, at, count = line["n"], instant(line["at"]), 0
            for update in line.get("updates", []):
                epoch, seq = update.pop("id").split(":")
                received = pd.Timestamp(update["timestamp"])
                rows["updates"].append(
                    {"reason": None, "commission": 0.0}
                    | update
                    | {
                        "epoch": epoch,
                        "seq": int(seq),
                        "timestamp": received,
                        "source_timestamp": instant(update["source_timestamp"]),
                        "delivered_at": received
                        + pd.Timedelta(microseconds=round(update["latency_ms"] * 1000)),
                        "is_image": False,
                        "line": n,
                    }
                )
                count += 1
            for quote in line.get("images", []):
                rows["updates"].append(
                    dict.fromkeys(SCHEMAS["updates"].names)
                    | {"commission": 0.0, "is_significant": False, "is_image": True}
                    | {name: quote[name] for name in quote if name != "odds"}
                    | {"new_odds": quote["odds"], "epoch": line["epoch"], "line": n}
                    | {"seq": line["image_seq"], "timestamp": at}
                )
                count += 1
            for event in line.get("events", []):
                event["starts_at"] = instant(event["starts_at"])
                rows["events"].append(event | {"timestamp": at, "line": n})
                count += 1
            for said in line.get("confirmed", []):
                maker, event_id, market, outcomes, received_at, stamp, is_vouched = said
                for outcome in outcomes:
                    rows["confirmed"].append(
                        {
                            "bookmaker_id": maker,
                            "event_id": event_id,
                            "market": market,
                            "outcome": outcome,
                            "timestamp": instant(received_at),
                            "source_timestamp": instant(stamp),
                            "is_vouched": is_vouched,
                            "line": n,
                        }
                    )
                    count += 1
            for note in line.get("notes", []):
                rows["notes"].append(
                    dict.fromkeys(SCHEMAS["notes"].names)
                    | {"epoch": line["epoch"]}
                    | note
                    | {"timestamp": instant(note["timestamp"]), "line": n}
                )
                count += 1
            rows["groups"].append(
                {
                    "line": n,
                    "timestamp": at,
                    "epoch": line.get("epoch"),
                    "rows": count,
                    "hash": bytes.fromhex(line["hash"]),
                }
            )
    return rows


def sealed(layout: Layout) -> dict[str, list[dict[str, Any]]]:
    """What the files hold that the manifest names."""
    rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    found = read_manifest(layout)
    for kind in KINDS:
        for file in found.of_kind(kind):
            rows[kind] += pq.read_table(layout.folder / file.path, partitioning=None).to_pylist()
    return rows


def counted(rows: dict[str, list[dict[str, Any]]]) -> dict[str, Counter[tuple[Any, ...]]]:
    return {
        kind: Counter(tuple(row[name] for name in SCHEMAS[kind].names) for row in rows[kind])
        for kind in KINDS
    }


def all_of(layout: Layout) -> dict[str, Counter[tuple[Any, ...]]]:
    """What a reader sees: what is sealed, and the segments that are not."""
    found = read_manifest(layout)
    hot = [path for _, path in layout.segments() if path.name not in found.segments]
    ours, theirs = counted(sealed(layout)), counted(obvious(hot))
    return {kind: ours[kind] + theirs[kind] for kind in KINDS}
