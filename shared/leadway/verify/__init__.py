"""Does what the log says hold together: the invariants, judged against the log, the databases and a client's record."""

from leadway.verify._record import BadRecord, Op, Operation, Outcome, Recorder, operations, read_record

__all__ = ["BadRecord", "Op", "Operation", "Outcome", "Recorder", "operations", "read_record"]
