"""Does what the log says hold together: the invariants, judged against the log, the databases and a client's record."""

from leadway.verify._received import Received, read_received
from leadway.verify._record import BadRecord, Op, Operation, Outcome, Recorder, operations, read_record
from leadway.verify._reports import ask_reports
from leadway.verify._verdict import Verdict
from leadway.verify._verify import Evidence, Reports, Verified, verify

__all__ = [
    "BadRecord",
    "Evidence",
    "Op",
    "Operation",
    "Outcome",
    "Received",
    "Recorder",
    "Reports",
    "Verdict",
    "Verified",
    "ask_reports",
    "operations",
    "read_received",
    "read_record",
    "verify",
]
