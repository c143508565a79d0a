"""Decides what a lead is worth by its fit and its engagement, and when it is qualified or disqualified."""
