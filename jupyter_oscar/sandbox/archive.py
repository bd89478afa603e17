"""What is done to a data folder while no sandbox runs on it, or beside one: empty it, or take everything out.

The export is for reading and for moving on: services as FDL files with their scripts, which deploy on any OSCAR,
buckets as folders, logs as files. Passwords, tokens and the values of secrets stay behind.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

from .folders import is_partial
from .fusemounts import clean
from .settings import CannotStart, lock
from .stores import MINIO, kept_by

if TYPE_CHECKING:
    from pathlib import Path

    from .settings import DataFolder

_KEPT = ("settings.json", "lock", "sandbox.log")
_OURS = ("token", "owner", "namespace", "bucket_list", "volume_status", "storage_providers", "cluster_id", "clusters")
_NOTHING: tuple[Any, ...] = ("", [], {}, None, False)
_CLUSTER = "oscar-cluster"


def reset(data: DataFolder) -> None:
    """Services, buckets, objects and jobs go; address and password stay. Raises ``CannotStart`` while one runs."""
    lock(data)
    clean(data)
    for entry in data.root.iterdir():
        if entry.name in _KEPT:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    shutil.rmtree(data.temp, ignore_errors=True)


def export(data: DataFolder, to: Path | None, minio: str | None = None) -> dict[str, int]:
    """How many services, objects and logs were written; nothing half-made stays when it fails."""
    if to is None:
        raise CannotStart("export needs --to: the folder to make.")
    if to.exists():
        raise CannotStart(f"{to} exists already: choose a new folder with --to, or remove that one.")
    draft = to.with_name(to.name + ".part")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        counts = {
            "services": _services(data, draft / "services"),
            "objects": _objects(data, draft / "buckets", minio),
            "logs": _logs(data, draft / "logs"),
        }
        draft.replace(to)
    except OSError as error:
        raise CannotStart(f"The export to {to} failed ({error}): nothing of it was kept.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return counts


def _specs(data: DataFolder) -> list[dict[str, Any]]:
    if not data.database.exists():
        return []
    with sqlite3.connect(f"file:{data.database}?mode=ro", uri=True) as database:
        return [json.loads(spec) for (spec,) in database.execute("SELECT spec FROM services ORDER BY name")]


def _said(value: Any) -> Any:
    """Without what says nothing: a file that a person would write has no empty fields."""
    if isinstance(value, dict):
        found = {key: _said(item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item not in _NOTHING}
    return [_said(item) for item in value] if isinstance(value, list) else value


def _services(data: DataFolder, folder: Path) -> int:
    import yaml

    specs = _specs(data)
    for spec in specs:
        here = folder / spec["name"]
        here.mkdir(parents=True)
        (here / "script.sh").write_text(spec["script"], encoding="utf-8", newline="")
        fields = _said({key: value for key, value in spec.items() if key not in _OURS})
        fields["script"] = "script.sh"
        fdl = {"functions": {"oscar": [{_CLUSTER: fields}]}}
        (here / "fdl.yaml").write_text(yaml.safe_dump(fdl, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return len(specs)


def _halves(_: str, names: list[str]) -> list[str]:
    return [name for name in names if is_partial(name)]


def _objects(data: DataFolder, folder: Path, minio: str | None) -> int:
    if kept_by(data) == MINIO:
        from .miniocopy import copy

        return copy(data, folder, minio)
    if not data.buckets.is_dir():
        return 0
    shutil.copytree(data.buckets, folder, ignore=_halves, symlinks=True)
    return sum(1 for path in folder.rglob("*") if path.is_file())


def _logs(data: DataFolder, folder: Path) -> int:
    count = 0
    for log in sorted(data.jobs.glob("*/*/log")) if data.jobs.is_dir() else ():
        here = folder / log.parent.parent.name
        here.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, here / f"{log.parent.name}.log")
        count += 1
    return count
