from __future__ import annotations

from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_CONNECT_S_MAX = 10.0
_POOL_WAIT_S_MAX = 30.0


def role_of(service: str) -> str:
    """Return the database role of a service: `sla-timer` → `leadway_sla_timer`."""
    return f"leadway_{schema_of(service)}"


def schema_of(service: str) -> str:
    """Return the schema of a service: `sla-timer` → `sla_timer`."""
    return service.replace("-", "_")


def connect(
    url: str | URL,
    *,
    schema: str,
    role: str | None = None,
    pool_size: int = 5,
    application_name: str = "leadway",
    plan_always: bool = False,
    statement_timeout_ms: int = 30_000,
    idle_in_transaction_timeout_ms: int = 15_000,
) -> AsyncEngine:
    """Return an engine whose connections see `schema` and act as `role`; it connects at first use.

    `plan_always` plans each statement anew (for what was prepared when its table was empty: relays, timers). The server
    ends a transaction that stands idle past its timeout, so that a frozen process gives its row locks back.
    Any address of PostgreSQL will do: `postgresql://…` too, over TCP or with `?host=/folder` over a Unix socket.
    """
    settings = {
        "application_name": application_name,
        "search_path": schema,
        "timezone": "UTC",
        "jit": "off",
        "synchronous_commit": "on",  # what was acknowledged survives a crash, whatever the database's own setting is
        "statement_timeout": str(statement_timeout_ms),
        "idle_in_transaction_session_timeout": str(idle_in_transaction_timeout_ms),
        **({"role": role} if role else {}),
        **({"plan_cache_mode": "force_custom_plan"} if plan_always else {}),
    }
    arguments: dict[str, Any] = {"server_settings": settings, "timeout": _CONNECT_S_MAX}
    return create_async_engine(
        asyncpg_url(url),
        connect_args=arguments,
        hide_parameters=True,  # an error that quotes them would carry personal data into logs
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_S_MAX,
    )


def asyncpg_url(url: str | URL) -> URL:
    """Return the address as SQLAlchemy wants it for asyncpg, whatever driver it names or leaves out."""
    parsed = make_url(url)
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise ValueError(f"not an address of PostgreSQL: {parsed.render_as_string(hide_password=True)}")
    return parsed.set(drivername="postgresql+asyncpg")
