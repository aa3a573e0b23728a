"""How the offline model listens and looks: it reads what a file of the simulator's says of itself.

It understands no sound and no picture. `sim.samples` writes what a recording or a picture is meant to hold behind its
content, and this finds it again; in any other file it hears and sees nothing. Used by `wire`.
"""

from __future__ import annotations

import base64
import binascii
from io import BytesIO

import multipart

from sim.offline_model.protocol import MODEL_NAME, BadRequest, Request, Role
from sim.samples import read_says

NOTHING = "NADA"
"""What is answered to a picture in which nothing is seen; the question asks for this word."""
_LARGEST_FILE = 25 * 1024 * 1024


def transcribe(body: bytes) -> str:
    """What is said in the recording of a form.

    Raises:
        BadRequest: It is no form, has no file, or names another model.
    """
    form = _read_form(body)
    model = form.get("model")
    if model is None:
        raise BadRequest("you must provide a model parameter", param="model")
    if model.value != MODEL_NAME:
        raise BadRequest(
            f"The model `{model.value}` does not exist or you do not have access to it.",
            code="model_not_found",
            status=404,
        )
    file = form.get("file")
    if file is None or not file.filename:
        raise BadRequest("you must provide a file parameter", param="file")
    if not (file.content_type or "").startswith(("audio/", "video/")):
        raise BadRequest("Invalid file format.", param="file", code="invalid_value")
    return read_says(file.raw)


def describe(request: Request) -> str | None:
    """What is to be seen in the pictures of a question; None where it has none.

    Raises:
        BadRequest: A picture is no data URL; this model fetches nothing.
    """
    pictures = [
        part.image_url.url
        for message in request.messages
        if message.role is Role.USER and isinstance(message.content, tuple)
        for part in message.content
        if part.type == "image_url" and part.image_url is not None
    ]
    if not pictures:
        return None
    return "\n".join(filter(None, map(_look, pictures))) or NOTHING


def _look(url: str) -> str:
    head, _, data = url.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise BadRequest(
            "Invalid image: only data URLs of images are looked at.", param="messages", code="invalid_image"
        )
    try:
        return read_says(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadRequest("Invalid base64 image_url.", param="messages", code="invalid_base64") from error


def _read_form(body: bytes) -> multipart.MultiDict:
    boundary = body.partition(b"\r\n")[0].removeprefix(b"--")
    try:
        parser = multipart.MultipartParser(
            BytesIO(body), boundary, content_length=len(body), memfile_limit=_LARGEST_FILE, mem_limit=2 * _LARGEST_FILE
        )
        return multipart.MultiDict((part.name, part) for part in parser)
    except (multipart.MultipartError, ValueError) as error:
        raise BadRequest("Could not parse multipart form") from error
