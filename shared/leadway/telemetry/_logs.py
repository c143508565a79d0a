"""Where log entries go: all of them as JSON lines into a bounded file, the few that matter onto the console."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from structlog.typing import Processor

from leadway.telemetry._personal import drop_personal

_NOISY: Final = ("aiokafka", "asyncio", "httpx", "httpcore", "kafka", "uvicorn.access")
_FILE_ONLY: Final = "aiokafka"
"""What a client retries by itself is for the file: the console hears of it from us, where it does not pass."""
_encoder = msgspec.json.Encoder(enc_hook=repr)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """`file`: the JSON lines, None for none; at most `files_max` files of `file_bytes_max` are kept."""

    file: Path | None = None
    level: str = "INFO"
    console_level: str = "WARNING"
    file_bytes_max: int = 20_000_000
    files_max: int = 5


def configure_logs(settings: LogSettings) -> None:
    """Send structlog's and the standard library's entries where `settings` say; call it once, when a process starts."""
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(settings.console_level)
    console.setFormatter(
        _formatter(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_brief))
    )
    console.addFilter(lambda record: not record.name.startswith(_FILE_ONLY))
    handlers: list[logging.Handler] = [console]
    if settings.file is not None:
        settings.file.parent.mkdir(parents=True, exist_ok=True)
        file = RotatingFileHandler(
            settings.file,
            maxBytes=settings.file_bytes_max,
            backupCount=settings.files_max - 1,
            encoding="utf-8",
        )
        file.setFormatter(_formatter(_json_line, structlog.processors.ExceptionRenderer(_frames)))
        handlers.append(file)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(settings.level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        drop_personal,
    ]


def _formatter(renderer: Processor, *before: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *before, renderer],
    )


def _json_line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    return _encoder.encode(dict(event)).decode()


def _frames(exc_info: Any) -> list[str]:
    """Where an exception came from, without its text, which may quote what somebody sent."""
    error: BaseException | None = exc_info[1]
    lines: list[str] = []
    while error is not None:
        lines.append(type(error).__name__)
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            lines.append(f"{Path(code.co_filename).name}:{trace.tb_lineno} {code.co_qualname}")
            trace = trace.tb_next
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return lines


def _brief(stream: Any, exc_info: Any) -> None:
    stream.write(f"\n  {exc_info[0].__name__} (the log file says where)")
