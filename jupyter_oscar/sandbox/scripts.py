"""A service's script and configuration as files, one folder per version: an update never changes a running job."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from .settings import DataFolder


def script_folder(data: DataFolder, service: dict[str, Any]) -> Path:
    """The folder with ``script.sh`` and ``function_config.yaml`` (JSON is YAML too) of this version of the service."""
    text = json.dumps(service, indent=1)
    folder: Path = data.services / service["name"] / hashlib.sha256(text.encode()).hexdigest()[:16]
    script = folder / "script.sh"
    if script.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "function_config.yaml").write_text(text, encoding="utf-8")
    draft = folder / "script.tmp"
    draft.write_text(service["script"], encoding="utf-8", newline="")
    draft.chmod(0o700)  # an exposed service's first line may name its interpreter
    draft.replace(script)  # last: its presence says that the folder is complete
    return folder
