"""The router's own arithmetic: who is eligible, how a step picks among them, and what spans leads.

A new way to distribute is an entry in `distribution.py`; a new thing that partners are matched by is one in
`eligibility.py`. Nothing outside of this room knows how many of them there are.
"""
