"""Decides who works on a lead: which partner gets it, may claim it or keeps it, and who is next."""
