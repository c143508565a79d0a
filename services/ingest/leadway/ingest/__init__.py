"""Decides which submissions become leads, and whose they are: one person, one product, one lead."""
