"""Ids that name what they are and sort by time: TypeIDs such as `lead_01h455vb4pex5vsknk084sn02q`."""

from leadway.ids._typeid import derive, draw, parse, timestamp_of

__all__ = ["derive", "draw", "parse", "timestamp_of"]
