"""Decides what the work of a lead's holder amounts to: contact, stages, deals, their registration and their outcome."""
