"""Files over HTTP: what the provider fetches, without credentials, to pass it on.

An address is signed and good for an hour. Whatever is wrong with one, the answer is the same 404; nothing tells a
file that is gone from one that never was.
"""

from __future__ import annotations

from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.exceptions import HTTPException, NotFoundException

from runtime.domain.errors import Unavailable
from runtime.domain.files import is_shown_inline
from runtime.media import MEDIA_PATH, open_address
from runtime.store.media import KeptFile
from runtime.web.webhooks import RETRY_AFTER_S, Door

CACHE_S = 300


@route(
    f"{MEDIA_PATH}/{{media_id:str}}/{{expires:str}}/{{signature:str}}", http_method=[HttpMethod.GET, HttpMethod.HEAD]
)
async def lend_file(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Give a file to whoever has its address."""
    door: Door = request.app.state.door
    address = request.path_params
    try:
        file = await open_address(door.parts, f"{address['media_id']}/{address['expires']}", address["signature"])
    except Unavailable as error:
        raise HTTPException("unavailable", status_code=503, headers={"retry-after": str(RETRY_AFTER_S)}) from error
    if file is None:
        raise NotFoundException
    return Response(file.content, headers=compose_headers(file))


def compose_headers(file: KeptFile) -> dict[str, str]:
    """What a file is served with beside its length. The type is given as it is kept: the framework would add to it."""
    headers = {"content-type": file.content_type, "cache-control": f"private, max-age={CACHE_S}"}
    if not is_shown_inline(file.content_type):
        headers["content-disposition"] = "attachment"
    return headers
