"""One question to a server over HTTP: JSON out, JSON in, tries again where that may help.

A time-out is not tried again: whoever waits has waited long enough. Redirects are not followed,
for the key would go along.
"""

from __future__ import annotations

import json
import random
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPException
from typing import Any, Protocol

from emocli.errors import ModelError, RecordError, UsageError

TRIES = 6  # of a question; our choice, as are the times below
FIRST_WAIT_S = 0.5  # before the second try; doubled before each further one
LONGEST_WAIT_S = 60.0  # that a server may ask for with Retry-After
PASSING = (408, 409, 425, 429, 500, 502, 503, 504)  # statuses that may be others the next time
LARGEST_BYTES = 1 << 24  # of an answer
CHUNK_BYTES = 1 << 16
SHOWN = 200  # characters of what a server says, in messages
LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")
HIDDEN = b"***"  # stands for the key wherever a server repeats it


class _Reader(Protocol):
    def read1(self, size: int = ..., /) -> bytes: ...


class RefusedError(RecordError):
    """A server's answer with a status that says no; `http` is 0 if there was no answer."""

    def __init__(self, code: str, message: str, *, hint: str = "", http: int = 0) -> None:
        super().__init__(code, message, hint=hint)
        self.http = http


def checked(url: str, flag: str) -> str:
    """Return a base URL without a slash at its end; UsageError for what is none.

    The message does not repeat what may be a password.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{flag}: not a URL: {error}") from None
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        hint = "EMOCLI_LLM_KEY has the key"
        raise UsageError(f"{flag}: no user and no password in a URL, which others see", hint=hint)
    wrong = re.search(r"[^\x21-\x7e]", url) or parts.query or parts.fragment
    if parts.scheme not in ("http", "https") or not host or wrong:
        hint = "such as http://127.0.0.1:8000/v1"
        raise UsageError(f"{flag}: not the base URL of a server", hint=hint)
    return url.rstrip("/")


def is_here(url: str) -> bool:
    """Say whether a URL is of this machine."""
    return bool(LOOPBACK.fullmatch(urllib.parse.urlsplit(url).hostname or ""))


class Asker:
    """Asks one server. `key` is sent as a bearer token and shown nowhere."""

    def __init__(self, url: str, key: str, timeout_s: float) -> None:
        self.url, self.key, self.timeout_s = url, key, timeout_s
        proxies = [urllib.request.ProxyHandler({})] if is_here(url) else []
        self.opener = urllib.request.build_opener(_NoRedirect(), *proxies)

    def ask(self, path: str, body: Mapping[str, Any] | None = None, tries: int = TRIES) -> Any:
        """Return the JSON object that the server gives under a path; None for `body` is a GET.

        Raises RefusedError where there is none after some tries, ModelError for a refused key.
        """
        for attempt in range(tries):
            try:
                return self._once(path, body)
            except _PassingError as passing:
                if attempt + 1 == tries or (passing.wait_s or 0) > LONGEST_WAIT_S:
                    raise passing.refusal from None
                backing_off = FIRST_WAIT_S * 2**attempt * random.uniform(0.75, 1.25)
                time.sleep(max(backing_off, passing.wait_s or 0.0))
        raise AssertionError  # the last attempt returns or raises

    def _once(self, path: str, body: Mapping[str, Any] | None) -> Any:
        until = time.monotonic() + self.timeout_s
        try:
            with self.opener.open(self._request(path, body), timeout=self.timeout_s) as response:
                return self._object(self._read(response, until))
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error, until) from None
        except TimeoutError:
            raise self._late() from None
        except (OSError, HTTPException) as error:
            cause = getattr(error, "reason", error)
            if isinstance(cause, TimeoutError):
                raise self._late() from None
            reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
            message = f"{self.url}: {self._hidden(str(reason).encode()).decode()}"
            hint = "is the server running?"
            raise _PassingError(RefusedError("server_unreachable", message, hint=hint)) from None

    def _request(self, path: str, body: Mapping[str, Any] | None) -> urllib.request.Request:
        headers = {"User-Agent": "emocli", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if body is None:
            return urllib.request.Request(self.url + path, headers=headers)
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()  # ASCII: surrogates are escaped
        return urllib.request.Request(self.url + path, data, headers)

    def _read(self, response: _Reader, until: float) -> bytes:
        """Return the body, without the key; a server that drips is too late as well."""
        body = b""
        while chunk := response.read1(CHUNK_BYTES):
            body += chunk
            if time.monotonic() > until:
                raise TimeoutError
            if len(body) > LARGEST_BYTES:
                message = f"{self.url} gave more than {LARGEST_BYTES} bytes"
                raise RefusedError("server_nonsense", message)
        if getattr(response, "length", None):  # bytes that were promised and did not come
            raise HTTPException("the answer is cut short")
        return self._hidden(body)

    def _hidden(self, text: bytes) -> bytes:
        return text.replace(self.key.encode(), HIDDEN) if self.key else text

    def _object(self, body: bytes) -> dict[str, Any]:
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise nonsense(self.url, body)
        return found

    def _refused(self, error: urllib.error.HTTPError, until: float) -> Exception:
        """Return the error for a status that says no: what kind it is, what the server says."""
        try:
            said = explanation(self._read(error, until))
        except (OSError, HTTPException, AttributeError):
            said = ""
        message = f"{self.url}: HTTP {error.code} {error.reason}" + (f": {said}" if said else "")
        if error.code in (401, 403):
            return ModelError(message, hint="EMOCLI_LLM_KEY or OPENAI_API_KEY has the key")
        code = {429: "server_busy", 503: "server_busy"}.get(error.code, "server_failed")
        if error.code not in PASSING:
            return RefusedError("server_refused", message, http=error.code)
        return _PassingError(RefusedError(code, message, http=error.code), _wanted_s(error.headers))

    def _late(self) -> RefusedError:
        message = f"{self.url}: no answer within {self.timeout_s:g} s"
        return RefusedError("server_timeout", message, hint="--timeout SECONDS waits longer")


class _PassingError(Exception):
    """A refusal that may be none the next time; the server may have said when."""

    def __init__(self, refusal: RefusedError, wait_s: float | None = None) -> None:
        super().__init__(refusal.message)
        self.refusal, self.wait_s = refusal, wait_s


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _wanted_s(headers: Message) -> float | None:
    """Return the seconds of Retry-After, None without; a date is taken as the longest wait."""
    value = (headers.get("Retry-After") or "").strip()
    if not value:
        return None
    return float(value) if re.fullmatch(r"\d{1,6}(\.\d+)?", value) else LONGEST_WAIT_S


def nonsense(url: str, said: object) -> RefusedError:
    """Return the error for an answer that is not of this protocol."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else json.dumps(said)
    shown = " ".join(text.split())
    message = f"{url} gives no chat completions: {shown!r:.{SHOWN}}"
    return RefusedError("server_nonsense", message, hint="a base URL ends in /v1, mostly")


def explanation(body: bytes) -> str:
    """Return what a server says of a refusal: a field of its JSON, else the beginning of its text.

    >>> explanation(b'{"error": {"message": "no such model"}}'), explanation(b'{"detail": "no"}')
    ('no such model', 'no')
    """
    found: Any
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = re.sub(r"<[^>]*>", " ", body.decode("utf-8", "replace"))
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(key):
            found = found[key]
    text = found if isinstance(found, str) else json.dumps(found)
    return " ".join(text.split())[:SHOWN]
