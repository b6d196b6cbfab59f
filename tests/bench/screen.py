"""What a screen shows and what it costs: probes in a page, CPU and memory from /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["MARKER", "Usage", "descendants", "measuring", "resident_mb", "watch"]

# The text of the marker whenever it changes, at the moment at which it stands in the
# document, and how many display frames there were.
MARKER = """
(selector) => {
  const inside = (node, found = []) => {
    for (const each of node.querySelectorAll("*")) {
      if (each.matches(selector)) found.push(each);
      if (each.shadowRoot) inside(each.shadowRoot, found);
    }
    return found;
  };
  window.seen = [];
  window.frames = 0;
  let before = null;
  let cell = null;
  const read = () => {
    const text = cell.textContent;
    if (text === before) return;
    window.seen.push([text, performance.timeOrigin + performance.now()]);
    before = text;
  };
  const observer = new MutationObserver(read);
  const count = () => {
    window.frames += 1;
    if (!cell?.isConnected) {
      cell = inside(document)[0];
      if (cell) {
        observer.disconnect();
        observer.observe(cell, { characterData: true, childList: true, subtree: true });
        read();
      }
    }
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
}
"""


def watch(page: Any, selector: str) -> None:
    """Begin to write down what the marker says."""
    page.evaluate(MARKER, selector)


@dataclass
class Usage:
    """What one measurement cost, and what the screen showed."""

    seconds: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)
    frames: int = 0
    seen: list[tuple[str, float]] = field(default_factory=list)

    def share(self, name: str) -> float:
        """Per cent of a core."""
        return 100 * self.cpu_s[name] / self.seconds

    @property
    def fps(self) -> float:
        """Display frames a second."""
        return self.frames / self.seconds


@contextmanager
def measuring(page: Any, pids: dict[str, int], browser: int) -> Iterator[Usage]:
    """Measure the block: CPU of each process with all that it started, and the screen."""
    usage = Usage()
    before = {name: _cpu_s(pid) for name, pid in pids.items()}
    page_before = _cpu_s(browser, only="chrom")
    page.evaluate("() => { window.seen = []; window.frames = 0; }")
    began = time.monotonic()
    yield usage
    usage.seconds = time.monotonic() - began
    usage.frames, usage.seen = page.evaluate("() => [window.frames, window.seen]")
    usage.cpu_s = {name: _cpu_s(pid) - before[name] for name, pid in pids.items()}
    usage.cpu_s["page"] = _cpu_s(browser, only="chrom") - page_before


def resident_mb(pid: int) -> float:
    """Memory that a process holds now, as Linux counts it."""
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def descendants(pid: int) -> list[int]:
    """Return the process and all that it has started."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (stat := _stat(int(folder.name))):
            parents[int(folder.name)] = int(stat[1])
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def _cpu_s(pid: int, only: str = "") -> float:
    total = 0
    for each in descendants(pid):
        stat = _stat(each)
        if stat and only in _name(each):
            total += int(stat[11]) + int(stat[12])
    return total / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str] | None:
    try:
        # What follows the name in parentheses: state, parent, …
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
