"""One HTTP post, as the services outside send them to the centre."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Final

TIMEOUT_S: Final = 20.0


def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """JSON to a loopback address; status and answer, whose body is b"" for an error. Status 0: nobody answered."""
    told = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, body, told)  # noqa: S310 - a loopback address given by a test
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - see above
            return int(answer.status), bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""
    except OSError:
        return 0, b""
