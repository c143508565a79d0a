"""What a deployment may choose, each as an environment variable LEADWAY_… or a flag of the command line."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of one process. Every process of a deployment is given the same ones."""

    # An empty variable is one that is not set. Errors do not quote what was given: it may be a secret.
    model_config = SettingsConfigDict(
        env_prefix="LEADWAY_", extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    data_dir: Path = Field(default=Path(".leadway"), description="where keys, logs and the embedded database live")
    database_url: str | None = Field(default=None, description="a PostgreSQL address; unset: an embedded server")
    kafka: str | None = Field(default=None, description="a Kafka bootstrap address; unset: the log is in PostgreSQL")
    topic_prefix: str = Field(default="", description="keeps deployments apart that share one Kafka cluster")
    partitions: int = Field(default=8, ge=1, le=256, description="of each topic, fixed once it was made")
    host: str = Field(default="127.0.0.1", description="the address that HTTP listens on")
    port: int = Field(default=8080, ge=0, le=65535, description="the port that HTTP listens on; 0: any free one")
    base_url: str | None = Field(default=None, description="how the world reaches this deployment")
    pool_size: int = Field(default=6, ge=3, le=100, description="database connections of each service")
    lease_seconds: float = Field(
        default=6.0, ge=0.5, description="after how much silence an instance is taken for dead"
    )
    idempotency_hours: int = Field(default=24, ge=1, description="how long answers are kept for their Idempotency-Key")
    deployment_key: str | None = Field(
        default=None,
        description="32 bytes in hexadecimal, made once and kept for good; unset: a file in the data folder",
    )
    webhook_loopback: bool = Field(default=True, description="whether webhooks may go to this machine itself")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        default="INFO",
        description="from which level on the process log is written: DEBUG, INFO, WARNING, ERROR, CRITICAL",
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @field_validator("deployment_key")
    @classmethod
    def _is_a_key(cls, key: str | None) -> str | None:
        if key is None or _KEY.fullmatch(key.strip()):
            return key
        raise ValueError(f"it is {_KEY_BYTES} bytes in hexadecimal: {2 * _KEY_BYTES} characters of 0-9 and a-f")

    def for_services(self) -> dict[str, str]:
        """What a service's own settings module may read: every LEADWAY_ variable but the secrets."""
        environment = {
            name.removeprefix("LEADWAY_").lower(): value
            for name, value in os.environ.items()
            if name.startswith("LEADWAY_")
        }
        known = {name: str(value) for name, value in self.model_dump().items() if value is not None}
        return {name: value for name, value in (environment | known).items() if name not in _SECRET}


_SECRET = {"database_url", "deployment_key"}
_KEY_BYTES = 32
_KEY = re.compile(rf"(?:[0-9a-fA-F]{{2}}){{{_KEY_BYTES},}}")
