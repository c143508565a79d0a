from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from leadway.database._binaries import Binaries, find_binaries, home_of, server_account
from leadway.database._leftovers import clear_stale_pid_file
from leadway.processes import free_port, start_child, stop_child

SUPERUSER = "leadway"
DATABASE = "leadway"
_START_S_MAX = 60.0
_ATTEMPTS_MAX = 12
_SETTINGS: Mapping[str, str] = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_buffers": "16MB",
    # A log writes without end: few, long checkpoints keep full-page images rare.
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "synchronous_commit": "on",
    # Outbox, timers and states are updated all the time: vacuum early and in small pieces.
    "autovacuum_naptime": "20s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "1000",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
    "log_checkpoints": "off",
    "password_encryption": "scram-sha-256",
}
_NOT_DURABLE: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class DatabaseFailed(Exception):
    """The embedded PostgreSQL did not start; the message ends with what its log says."""


class EmbeddedPostgres:
    """A PostgreSQL server of our own over `data_dir`, a folder for this server alone, made where it is missing.

    It listens on a Unix socket (for us, by our system user's name) and on the loopback's `port` (with a password of its
    own, kept in the data folder). It ends with us, however we end. Start it from the main thread.
    `durable=False` is for tests: a crash of the machine may then lose everything.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        durable: bool = True,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._wanted_port = port
        self._durable = durable
        self._settings = {**_SETTINGS, **({} if durable else _NOT_DURABLE), **(settings or {})}
        self._account = server_account()
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._home = self._data_dir
        self._sockets: Path | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def url(self) -> str:
        """The address over the Unix socket: the quickest, and only for our own system user on this machine."""
        return f"postgresql+asyncpg://{SUPERUSER}@/{DATABASE}?host={quote(str(self._sockets))}&port={self._port}"

    @property
    def tcp_url(self) -> str:
        """The address over the loopback, with its password: for other processes and tools on this machine."""
        password = (self._home / "password").read_text("ascii").strip()
        return f"postgresql+asyncpg://{SUPERUSER}:{password}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def log(self) -> Path:
        """The file with the server's own messages, begun anew at each start; the one before ends in `.1`."""
        return self._home / "server.log"

    def start(self) -> str:
        """Start the server and wait until it accepts connections (1.5 s the first time); returns `url`.

        Raises `DatabaseFailed`, `NoPostgres`, or `NotMainThread`.
        """
        if self.pid is not None:
            return self.url
        self._home = home_of(self._data_dir, self._account)
        self._own(self._home)
        cluster = self._home / "cluster"
        version = cluster / "PG_VERSION"
        major = int(version.read_text("ascii")) if version.exists() else None
        binaries = find_binaries(self._account, major)
        if major is None:
            self._create(binaries, cluster)
        self._write_access_rules(cluster)
        if self.log.exists():
            self.log.replace(self.log.with_name("server.log.1"))
        self._sockets = Path(tempfile.mkdtemp(prefix="leadway-", dir="/tmp"))  # a socket's path must be short
        self._own(self._sockets)
        try:
            self._run(binaries, cluster)
        except BaseException:
            self.stop()
            raise
        self._forget_earlier_sockets()
        atexit.register(self.stop)
        return self.url

    def stop(self) -> None:
        """End the server: running transactions are rolled back, everything committed is on disk. Safe to call again."""
        process, self._process = self._process, None
        if process is not None:
            stop_child(process, signal.SIGINT, signal.SIGQUIT)
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        atexit.unregister(self.stop)

    def destroy(self) -> None:
        """End the server and remove all its data, wherever they are."""
        self.stop()
        shutil.rmtree(self._data_dir.resolve(), ignore_errors=True)
        if self._data_dir.is_symlink():
            self._data_dir.unlink()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _forget_earlier_sockets(self) -> None:
        # We run, so nobody else serves these data: the folder that a killed predecessor left in /tmp is of no use.
        note = self._home / "sockets"
        if note.exists():
            shutil.rmtree(note.read_text("utf-8"), ignore_errors=True)
        note.write_text(str(self._sockets), "utf-8")

    def _own(self, path: Path) -> None:
        path.chmod(0o700)
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _call(self, *args: str | Path, given: bytes | None = None) -> None:
        account = self._account
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs
            [os.fspath(arg) for arg in args],
            check=False,
            cwd="/",
            env=_environment(),
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode != 0:
            raise DatabaseFailed(done.stdout.decode(errors="replace").strip()[-2000:])

    def _create(self, binaries: Binaries, cluster: Path) -> None:
        # Made beside and renamed when whole: a start that was killed half-way leaves nothing that looks like data.
        staging = self._home / "cluster.new"
        shutil.rmtree(staging, ignore_errors=True)
        password = self._home / "password"
        password.write_text(secrets.token_urlsafe(24), "ascii")
        self._own(password)
        password.chmod(0o600)
        builtin = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        locale = builtin if binaries.major >= 17 else ("--locale=C.UTF-8",)  # noqa: PLR2004 - the version that brought it
        flush = () if self._durable else ("--no-sync",)
        initdb = (binaries.folder / "initdb", "-D", staging, "-U", SUPERUSER, f"--pwfile={password}", "--encoding=UTF8")
        self._call(*initdb, "--auth=scram-sha-256", "--no-instructions", *locale, *flush)
        single = (binaries.folder / "postgres", "--single", "-D", staging, "-c", "log_min_messages=error", "postgres")
        self._call(*single, given=f"CREATE DATABASE {DATABASE}\n".encode("ascii"))
        staging.rename(cluster)

    def _write_access_rules(self, cluster: Path) -> None:
        # Over the socket by the system user's name, and that user is we: nobody else who finds the socket gets further.
        rules = "local all all peer map=ourselves\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (cluster / "pg_hba.conf").write_text(rules, "ascii")
        (cluster / "pg_ident.conf").write_text(f"ourselves {_own_name()} {SUPERUSER}\n", "utf-8")

    def _run(self, binaries: Binaries, cluster: Path) -> None:
        """Start until it stands: a server of ours that is still stopping holds the data a moment longer."""
        for attempt in range(_ATTEMPTS_MAX):
            self._port = self._wanted_port or free_port()
            clear_stale_pid_file(cluster)
            arguments = {
                **self._settings,
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": str(self._sockets),
            }
            options = [part for name, value in arguments.items() for part in ("-c", f"{name}={value}")]
            self._process = start_child(
                [binaries.folder / "postgres", "-D", cluster, "-p", str(self._port), *options],
                log=self.log,
                env=_environment(),
                end_with=signal.SIGINT,
                account=self._account,
            )
            if self._stands(cluster):
                return
            time.sleep(min(0.05 * 2**attempt, 2.0))
        raise DatabaseFailed(
            f"PostgreSQL does not start over {cluster}:\n{self.log.read_text(errors='replace')[-2000:]}"
        )

    def _stands(self, cluster: Path) -> bool:
        process = self._process
        deadline = time.monotonic() + _START_S_MAX
        while process is not None and process.poll() is None and time.monotonic() < deadline:
            if _is_ready(cluster / "postmaster.pid", process.pid):
                return True
            time.sleep(0.01)
        return False


def _is_ready(pid_file: Path, pid: int) -> bool:
    # PostgreSQL writes its state into the eighth line; the first names the process, so a stale file is not believed.
    try:
        lines = pid_file.read_text("ascii").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"  # noqa: PLR2004 - see above


def _environment() -> dict[str, str]:
    # Nothing of ours reaches the server: PGDATA, PGPORT and friends would change what it does.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _own_name() -> str:
    import pwd  # noqa: PLC0415 - the standard library has it on POSIX only

    return pwd.getpwuid(os.geteuid()).pw_name
