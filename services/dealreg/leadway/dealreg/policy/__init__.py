"""Dealreg's own arithmetic: which registrations collide, who may work on a lead, what a deal is worth."""
