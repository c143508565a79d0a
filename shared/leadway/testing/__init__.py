"""What tests of services and of the kit stand on."""

from leadway.testing._decider import Given, When, given

__all__ = ["Given", "When", "given"]
