"""What a cluster says of itself: its version and how it is set up."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Info(BaseModel):
    """``GET /system/info`` (oscar.md §1.1, wire A010)."""

    model_config = ConfigDict(extra="ignore")
    version: str = ""
    git_commit: str = ""
    architecture: str = ""
    kubernetes_version: str = ""

    @property
    def release(self) -> tuple[int, ...]:
        """``v4.1.2`` as ``(4, 1, 2)``; a development build counts as the newest."""
        parts = self.version.lstrip("v").split("-")[0].split(".")
        return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else (99,)


class MinioProvider(BaseModel):
    """Where the cluster's object storage is and the caller's keys for it (oscar.md §1.1.1)."""

    model_config = ConfigDict(extra="ignore")
    endpoint: str
    access_key: str = ""
    secret_key: SecretStr = SecretStr("")
    region: str = "us-east-1"
    verify_tls: bool = Field(default=True, alias="verify")


class Config(BaseModel):
    """``GET /system/config`` (oscar.md §1.1.1, wire A011). ``config`` keeps the flags as the server spells them."""

    model_config = ConfigDict(extra="ignore")
    config: dict[str, Any] = Field(default_factory=dict)
    minio_provider: MinioProvider
    allowed_image_repositories: list[str] | None = None
