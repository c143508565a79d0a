"""The deployment's key: where it is, and whether the database was begun with it."""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import text

from leadway.cli._console import MISUSED, STOPPED, Failed
from leadway.cli._place import MAKE_KEY, Place
from leadway.database import connect
from leadway.hosting import Settings, deployment_key

_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_LOCK_KEY = 0x6C65616477617A  # "leadwaz", beside that of migrations: one process at a time writes the fingerprint
_IS_THERE = text("SELECT count(*) FROM pg_tables WHERE schemaname = 'deployment' AND tablename = 'key'")
_MAKE = (
    text("CREATE SCHEMA IF NOT EXISTS deployment"),
    text("CREATE TABLE deployment.key (fingerprint bytea NOT NULL)"),
    # Processes may have logins of their own, each of which is to compare; it is no secret.
    text("GRANT USAGE ON SCHEMA deployment TO PUBLIC"),
    text("GRANT SELECT ON deployment.key TO PUBLIC"),
)
_KEEP = text("INSERT INTO deployment.key (fingerprint) VALUES (:fingerprint)")
_KEPT = text("SELECT fingerprint FROM deployment.key")


class OtherKey(Failed):
    """The database was begun with another deployment key: what was made with that one fits no more."""

    def __init__(self) -> None:
        super().__init__(
            "this database was begun with another deployment key: sources' keys, tokens, webhook secrets and what is "
            "known of people by digest do not fit this one",
            "give every process the key that it was begun with, in LEADWAY_DEPLOYMENT_KEY or the data folder's "
            "deployment.key. If it is lost for good, `DELETE FROM deployment.key` in the database takes the next one; "
            "sources then need new keys and webhook endpoints new secrets",
            code=STOPPED,
        )


def key_of(settings: Settings) -> bytes:
    """The deployment's key; none is made here. Raises Failed."""
    if settings.deployment_key is None and not Place(settings.data_dir).key.exists():
        raise Failed(
            f"{settings.data_dir} holds no deployment's key",
            "name the folder by --data-dir, or set LEADWAY_DEPLOYMENT_KEY",
            code=MISUSED,
        )
    return made_key_of(settings)


def made_key_of(settings: Settings) -> bytes:
    """The deployment's key; where none is set, the data folder's, made where it is missing. Raises Failed."""
    try:
        return deployment_key(settings)
    except ValueError as error:
        remedy = f"restore it. For a new deployment: remove it, or make one, {MAKE_KEY}"
        raise Failed(f"{settings.data_dir}: {error}", remedy, code=MISUSED) from error


async def settle_key(database_url: str, key: bytes) -> None:
    """Write the key's fingerprint into a database that has none. Raises OtherKey where it has that of another."""
    engine = connect(database_url, schema="public", pool_size=1, application_name="leadway key")
    try:
        async with engine.begin() as connection:
            await connection.execute(_LOCK, {"key": _LOCK_KEY})
            if not (await connection.execute(_IS_THERE)).scalar_one():
                for statement in _MAKE:
                    await connection.execute(statement)
            kept = (await connection.execute(_KEPT)).scalars().first()
            if kept is None:
                await connection.execute(_KEEP, {"fingerprint": _fingerprint(key)})
    finally:
        await engine.dispose()
    if kept is not None and not hmac.compare_digest(kept, _fingerprint(key)):
        raise OtherKey


async def key_fits(database_url: str, key: bytes) -> bool | None:
    """Whether the database was begun with this key; None where it does not say."""
    engine = connect(database_url, schema="public", pool_size=1, application_name="leadway key")
    try:
        async with engine.connect() as connection:
            if not (await connection.execute(_IS_THERE)).scalar_one():
                return None
            kept = (await connection.execute(_KEPT)).scalars().first()
            return None if kept is None else hmac.compare_digest(kept, _fingerprint(key))
    finally:
        await engine.dispose()


def _fingerprint(key: bytes) -> bytes:
    """Says whether two keys are the same, and nothing else of them."""
    return HKDF(SHA256(), 32, salt=b"leadway", info=b"fingerprint in the database").derive(key)
