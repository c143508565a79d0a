"""Decides who is to be told which fact, and whether the message arrived."""
