"""What sends: takes the messages that are due, writes each as it is then, signs it, sends it, and says how it went."""

from leadway.delivery.worker._message import render, test_message
from leadway.delivery.worker._sender import Sender, check_host
from leadway.delivery.worker._worker import Worker, signed_headers

__all__ = ["Sender", "Worker", "check_host", "render", "signed_headers", "test_message"]
