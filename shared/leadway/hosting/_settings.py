"""What a deployment may choose, each as an environment variable LEADWAY_… or a flag of the command line."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of one process. Every process of a deployment is given the same ones."""

    model_config = SettingsConfigDict(env_prefix="LEADWAY_", extra="ignore", frozen=True)

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
    deployment_key: str | None = Field(default=None, description="32 bytes in hex; unset: a file in the data folder")
    webhook_loopback: bool = Field(default=True, description="whether webhooks may go to this machine itself")
    log_level: str = Field(default="INFO", description="from which level on the process log is written")

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
