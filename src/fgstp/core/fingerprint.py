"""Whether the work in a file or folder is still valid (a stand-in until the store lands it)."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fgstp.core.files import write_text


@dataclass(frozen=True)
class Stamp:  # noqa: D101
    facts: dict[str, Any]
    fingerprint: str
    files: dict[str, dict[str, Any]]


def fingerprint(facts: Mapping[str, object]) -> str:  # noqa: D103
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _path(path: Path) -> Path:
    return path.with_name(f"{path.name}.stamp.json")


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_stamp(path: Path, facts: Mapping[str, object], files: Iterable[Path] = ()) -> None:  # noqa: D103
    kept = {
        each.relative_to(path.parent).as_posix(): {
            "size": each.stat().st_size,
            "mtime_ns": each.stat().st_mtime_ns,
            "sha256": _sha(each),
        }
        for each in files
    }
    content = {"facts": facts, "fingerprint": fingerprint(facts), "files": kept}
    write_text(_path(path), json.dumps(content))


def read_stamp(path: Path) -> Stamp | None:  # noqa: D103
    try:
        return Stamp(**json.loads(_path(path).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def changed_facts(path: Path, facts: Mapping[str, object]) -> list[str]:  # noqa: D103
    stamp = read_stamp(path)
    before = stamp.facts if stamp else {}
    now = json.loads(json.dumps(facts))
    return sorted(n for n in before.keys() | now.keys() if before.get(n) != now.get(n))


def is_current(path: Path, facts: Mapping[str, object]) -> bool:  # noqa: D103
    stamp = read_stamp(path)
    if stamp is None or stamp.fingerprint != fingerprint(json.loads(json.dumps(facts))):
        return False
    for name, kept in stamp.files.items():
        file = path.parent / name
        if not file.is_file() or file.stat().st_size != kept["size"]:
            return False
        if file.stat().st_mtime_ns != kept["mtime_ns"] and _sha(file) != kept["sha256"]:
            return False
    return True
