"""The fault campaign: a whole Leadway in processes of its own, under traffic, while things break."""
