"""`llar-edge claim`: asks the centre, with a code, who this hub is; or reads it from a file.

Every way in which that can fail is a `ClaimFault` with one sentence for the installer. Nothing is changed on the hub
before the whole answer is there and checked (`edge.claim_files` writes it).
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import msgspec

from devices.rejection import Rejection
from edge.clock import system_clock_is_trusted
from gateway.contract.claim import (
    CLAIM_BYTES_MAX,
    CLAIM_PATH,
    ClaimAnswer,
    ClaimFile,
    ClaimRefusal,
    ClaimRequest,
    centre_fault,
    read_claim,
    read_code,
)

CLAIM_FILE: Final = "llar-claim.json"
LOOK_IN: Final = ("/boot/firmware", "/boot", "/media/*", "/media/*/*", "/mnt")
"""Where a claim file may lie: the boot partition of the SD card, a stick."""
ANSWER_WAIT_S: Final = 20.0
"""A centre that has not answered by then is not there: it has little to do for a claim."""
BOARD: Final = Path("/proc/device-tree")
REFUSED, BAD_INPUT, TRY_AGAIN = 1, 2, 3
"""Exit codes: the centre refuses; what was given cannot be used; worth another try later."""

_CERTIFICATE_DATES: Final = frozenset({9, 10})
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})
_WRONG_NAME: Final = frozenset({62, 64})
_WAITING: Final = frozenset({"too_many", "not_ready"})


class ClaimFault(Exception):
    """A claim that did not succeed: the key of its sentence in `edge.texts`, its blanks, and the exit code."""

    def __init__(self, key: str, exit_code: int = BAD_INPUT, **values: object) -> None:
        self.key = key
        self.exit_code = exit_code
        self.values = values
        super().__init__(f"{key}: {values}")


class Request(msgspec.Struct, frozen=True):
    """What to ask: a centre and a code as they were given, and the file of the centre's authority, "" for none."""

    centre: str
    code: str
    ca_file: str = ""
    ca_pem: str = ""


def checked(request: Request) -> Request:
    """The request with its code in plain form.

    Raises:
        ClaimFault: the address or the code cannot be right, which needs no network to find out.
    """
    if not request.centre:
        raise ClaimFault("no_centre")
    if centre_fault(request.centre):
        raise ClaimFault("bad_address", address=request.centre)
    code = read_code(request.code)
    if isinstance(code, Rejection):
        raise ClaimFault(code.reason, count=len(request.code.replace("-", "").replace(" ", "")))
    return msgspec.structs.replace(request, code=code)


def ask(request: Request, key: str, is_trusted: Callable[[], bool] = system_clock_is_trusted) -> ClaimAnswer:
    """Redeems the code.

    Args:
        request: `checked`.
        key: the hub's key, which is on disk already.
        is_trusted: whether this hub's clock is right.

    Raises:
        ClaimFault: no answer, or a refusal.
    """
    body = ClaimRequest(request.code, key, _board("serial-number", 64), _board("model", 80), _version())
    try:
        status, payload = _post(request, msgspec.json.encode(body))
    except ssl.SSLCertVerificationError as error:
        raise _certificate_fault(error, request.centre, is_trusted()) from None
    except ssl.SSLError as error:
        raise ClaimFault("bad_certificate", centre=request.centre, detail=error.reason or error) from None
    except UnicodeError:
        # what Python's resolver says of a name with an empty or overlong part
        raise ClaimFault("bad_address", address=request.centre) from None
    except (OSError, http.client.HTTPException) as error:
        detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ClaimFault("no_network", TRY_AGAIN, centre=request.centre, detail=detail) from None
    return _read(status, payload, request.centre)


def read_file(file: Path) -> ClaimAnswer | Request:
    """What a claim file says: the whole answer, or whom to ask.

    Raises:
        ClaimFault: it cannot be used.
    """
    try:
        with file.open("rb") as stream:
            form = read_claim(ClaimFile, stream.read(CLAIM_BYTES_MAX + 1))
    except OSError as error:
        raise ClaimFault("bad_file", file=file, detail=error.strerror or error) from None
    if isinstance(form, Rejection):
        raise ClaimFault("bad_file", file=file, detail=form.detail)
    return form.answer or Request(form.centre, form.code, ca_pem=form.ca_pem)


def find_file() -> Path | None:
    """The first claim file on the boot partition or a stick."""
    for folder in LOOK_IN:
        for found in sorted(Path("/").glob(f"{folder.lstrip('/')}/{CLAIM_FILE}")):
            return found
    return None


def _post(request: Request, body: bytes) -> tuple[int, bytes]:
    if not request.ca_pem.isascii():
        raise ClaimFault("bad_certificate", centre=request.centre, detail="ca_pem")
    context = ssl.create_default_context(cafile=_readable(request.ca_file), cadata=request.ca_pem or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # without proxies of the environment: what the hub does later goes straight to the broker as well
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirect())
    post = urllib.request.Request(  # noqa: S310 - `checked` lets only https, and http to this machine, pass
        request.centre.rstrip("/") + CLAIM_PATH, body, {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.build_opener(*handlers).open(post, timeout=ANSWER_WAIT_S) as answer:
            return int(answer.status), bytes(answer.read(CLAIM_BYTES_MAX + 1))
    except urllib.error.HTTPError as error:
        with error:
            if 300 <= error.code < 400:
                raise ClaimFault(
                    "redirected", centre=request.centre, where=error.headers.get("Location", "?")
                ) from None
            return error.code, error.read(CLAIM_BYTES_MAX + 1)
    except urllib.error.URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else OSError(str(error.reason)) from None


def _readable(ca_file: str) -> str | None:
    if ca_file and not Path(ca_file).is_file():
        raise ClaimFault("bad_file", file=ca_file, detail="no such file")
    return ca_file or None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A code and the secrets for it go to the address that the installer gave, and nowhere else."""

    def redirect_request(self, *_arguments: Any, **_more: Any) -> None:
        return None


def _read(status: int, payload: bytes, centre: str) -> ClaimAnswer:
    if status == 200:
        answer = read_claim(ClaimAnswer, payload)
        if isinstance(answer, Rejection):
            raise ClaimFault("bad_answer", REFUSED, detail=answer.detail)
        return answer
    refusal = read_claim(ClaimRefusal, payload)
    if isinstance(refusal, Rejection):
        raise ClaimFault("strange_answer", REFUSED, centre=centre, detail=f"HTTP {status}")
    exit_code = TRY_AGAIN if refusal.reason in _WAITING else REFUSED
    minutes = max(round(refusal.wait_s / 60), 1)
    raise ClaimFault(refusal.reason, exit_code, detail=refusal.text or "-", minutes=minutes)


def _certificate_fault(error: ssl.SSLCertVerificationError, centre: str, clock_is_trusted: bool) -> ClaimFault:
    if error.verify_code in _CERTIFICATE_DATES and not clock_is_trusted:
        date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        return ClaimFault("wrong_clock", TRY_AGAIN, date=date)
    if error.verify_code in _CERTIFICATE_DATES:
        return ClaimFault("expired_certificate", REFUSED, centre=centre)
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return ClaimFault("unknown_authority", centre=centre)
    if error.verify_code in _WRONG_NAME:
        return ClaimFault("wrong_name", centre=centre, detail=error.verify_message)
    return ClaimFault("bad_certificate", REFUSED, centre=centre, detail=error.verify_message)


def _board(name: str, length: int) -> str:
    try:
        text = (BOARD / name).read_bytes().decode("ascii", "ignore")
    except OSError:
        text = socket.gethostname()[:length] if name == "serial-number" else ""
    return "".join(character for character in text if character.isprintable())[:length]


def _version() -> str:
    try:
        return version("llar")[:32]
    except PackageNotFoundError:
        return "unknown"
