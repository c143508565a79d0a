"""What the code says of itself: the services' README files, OpenAPI, AsyncAPI, and examples of each fact."""

from leadway.reference._samples import choices, enveloped, least, sample, variations

__all__ = ["choices", "enveloped", "least", "sample", "variations"]
