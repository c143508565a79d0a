"""The pages `/problems` and `/problems/<slug>`: every refusal's docstring, for whoever met it."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from leadway.decider import NotFound, Refusal
from leadway.web._problems import problem_response

_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1c2733}"
    "a{color:#0b5cad}code{background:#eef2f6;padding:.1em .35em;border-radius:.25em}"
    "li{margin:.35rem 0}small{color:#5c6b7a}"
)


def html_page(title: str, body: str) -> HTMLResponse:
    """A small page in the product's own look; `title` is escaped here, `body` is HTML already."""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><h1>{escape(title)}</h1>{body}',
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


async def _list(_: Request) -> Response:
    items = [
        f'<li><a href="/problems/{slug}"><code>{slug}</code></a> {escape(kind.title())} <small>{kind.status}</small>'
        for slug, kind in sorted(Refusal.kinds().items())
    ]
    return html_page("Problems that this system may answer with", f"<ul>{''.join(items)}</ul>")


async def _show(request: Request) -> Response:
    kind = Refusal.kinds().get(request.path_params["slug"])
    if kind is None:
        return problem_response(NotFound("There is no problem of that name here."))
    paragraphs = "".join(f"<p>{_marked(escape(text))}</p>" for text in kind.meaning())
    status = f"<p><small>HTTP status {kind.status} · <code>/problems/{kind.slug}</code></small>"
    return html_page(kind.title(), f'{paragraphs}{status} · <a href="/problems">all problems</a>')


def _marked(text: str) -> str:
    pieces = text.split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))


def problem_routes() -> list[BaseRoute]:
    """Routes of the pages; the same in every service and at the gateway."""
    return [Route("/problems", _list, methods=["GET"]), Route("/problems/{slug}", _show, methods=["GET"])]
