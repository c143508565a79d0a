"""Decides which deadlines a hold of a lead carries, and when they are met, due, breached or stopped."""
