"""What the code says of itself: the services' README files, OpenAPI, AsyncAPI, and examples of each fact."""

from leadway.reference._asyncapi import asyncapi
from leadway.reference._pages import differing, is_repository, pages, write
from leadway.reference._samples import choices, enveloped, least, sample, variations

__all__ = [
    "asyncapi",
    "choices",
    "differing",
    "enveloped",
    "is_repository",
    "least",
    "pages",
    "sample",
    "variations",
    "write",
]
