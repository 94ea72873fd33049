"""The whole error tree, by cause.

::

    ImgproxyError
    ├── CallerError              the request is wrong; asking again changes nothing
    │   ├── BadRequest               malformed URL or parameter
    │   │   └── ResultTooLarge           asks for an absurd canvas
    │   ├── Forbidden
    │   │   ├── SignatureMismatch
    │   │   ├── SignatureMissing         signing is off and the signature segment is an option
    │   │   ├── SecretMismatch
    │   │   ├── OptionForbidden          a security option without permission
    │   │   └── SourceForbidden          not on the allow-list, or an address the guard refuses
    │   ├── LinkExpired
    │   ├── PreconditionFailed
    │   └── OutputUnsupported        the requested format cannot be written here
    ├── SourceError              the original cannot be had
    │   ├── SourceMissing            its server answered 4xx, or there is no such key
    │   ├── SourceUnreachable        refused, reset, TLS, redirects, odd status
    │   │   ├── SourceNotReached         no connection, or it was lost before an answer
    │   │   ├── SourceFailed             its server answered 5xx
    │   │   ├── SourceIncomplete         the body was shorter than announced
    │   │   └── SourceLeftAlone          its server failed several times in a row and is not asked now
    │   ├── SourceTimeout
    │   ├── SourceTooLarge           bytes, pixels or frames over the limit
    │   └── HashsumMismatch          its bytes are others than the URL says
    ├── ImageError               the original is no picture that can be read
    │   ├── UnsupportedImage
    │   │   ├── UnknownImage             not an image, as far as its bytes tell
    │   │   └── UndecodableImage         a known format that this installation cannot read
    │   └── BrokenImage
    │       └── BrokenSvg
    └── CapacityError            we could not, now
        ├── Overloaded
        │   └── TooLate                  it would be served after its deadline
        ├── DeadlineExceeded
        ├── PurgeUnavailable         a purge would not hold everywhere
        └── ClientGone               nobody waits for the answer any more

Each class has a `title` (a sentence for people), a `slug` and a `status` (RFC 9457 and delivery §5), and says whether
asking again may help (`retry`) and whether operators want to hear of it (`report`). What is passed when raising is the
`detail`: it may be shown to the caller, so it never holds a path of the server, a key, or an upstream's secret.
What only operators may see goes into `private`. An error that is `remembered` was met by an earlier request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class ImgproxyError(Exception):
    """The root of everything that this package raises on purpose."""

    title: ClassVar[str] = "Internal error"
    slug: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    retry: ClassVar[bool] = False
    report: ClassVar[bool] = True

    def __init__(self, detail: str = "", *, private: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.private = private
        self.remembered = False


class CallerError(ImgproxyError):
    """The request is wrong; asking again changes nothing."""

    title = "The request is wrong"
    slug = "bad-request"
    status = 400
    report = False


@dataclass(frozen=True, slots=True)
class WrongParameter:
    """One wrong parameter: its name, the value received, and what is allowed."""

    parameter: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.parameter}: {self.value!r}, expected {self.expected}"


class BadRequest(CallerError):
    """A URL or parameter is malformed; `wrong` lists every wrong parameter there is."""

    title = "The URL or one of its parameters is malformed"

    def __init__(self, detail: str = "", *, wrong: tuple[WrongParameter, ...] = (), private: str = "") -> None:
        super().__init__(detail or "; ".join(str(one) for one in wrong), private=private)
        self.wrong = wrong


class ResultTooLarge(BadRequest):
    """The picture asked for would be larger than this service makes."""

    title = "The picture asked for is too large"


class Forbidden(CallerError):
    """The request is not permitted."""

    title = "The request is not permitted"
    slug = "forbidden"
    status = 403


class SignatureMismatch(Forbidden):
    """The signature is missing or does not match."""

    title = "The signature does not match"


class SignatureMissing(Forbidden):
    """The signature segment looks like an option, so it was forgotten."""

    title = "The signature section is missing"


class SecretMismatch(Forbidden):
    """The bearer secret is missing or wrong."""

    title = "The secret is missing or wrong"


class OptionForbidden(Forbidden):
    """A security option was used and the configuration does not permit them."""

    title = "A security option is not permitted"


class SourceForbidden(Forbidden):
    """The source is not on the allow-list, or its address is one that must not be reached."""

    title = "The source is not permitted"


class LinkExpired(CallerError):
    """The URL's expiry time has passed."""

    title = "The link has expired"
    slug = "link-expired"
    status = 410


class PreconditionFailed(CallerError):
    """`If-Match` named no current entity tag (RFC 9110 §13.1.1)."""

    title = "The precondition failed"
    slug = "precondition-failed"
    status = 412


class OutputUnsupported(CallerError):
    """The requested format cannot be written by this installation, or not from this source."""

    title = "The requested format cannot be written"
    slug = "unsupported-image"
    status = 415


class SourceError(ImgproxyError):
    """The original cannot be had."""

    title = "The original cannot be had"
    slug = "source-unreachable"
    status = 502
    retry = True
    report = False


class SourceMissing(SourceError):
    """There is no such original; `upstream_status` is what its server answered (a 4xx)."""

    title = "The original does not exist"
    slug = "source-missing"
    status = 404
    retry = False

    def __init__(self, detail: str = "", *, upstream_status: int = 404, private: str = "") -> None:
        super().__init__(detail, private=private)
        self.upstream_status = upstream_status


class SourceUnreachable(SourceError):
    """The original's server cannot be reached or answers nonsense."""

    title = "The original's server is unreachable"


class SourceNotReached(SourceUnreachable):
    """There is no connection to the original's server, or it was lost before an answer: refused, reset, TLS, names."""


class SourceFailed(SourceUnreachable):
    """The original's server answered 5xx."""

    title = "The original's server failed"


class SourceIncomplete(SourceUnreachable):
    """The original's body was shorter than announced, or broke off."""

    title = "The original's server broke off"


class SourceLeftAlone(SourceUnreachable):
    """The original's server failed several times in a row and is not asked for `retry_after` seconds."""

    title = "The original's server is out of order"

    def __init__(self, detail: str = "", *, retry_after: int = 1, private: str = "") -> None:
        super().__init__(detail, private=private)
        self.retry_after = retry_after


class SourceTimeout(SourceError):
    """The original's server was too slow."""

    title = "The original's server is too slow"
    slug = "source-timeout"
    status = 504


class SourceTooLarge(SourceError):
    """The original has too many bytes, pixels or frames."""

    title = "The original is too large"
    slug = "source-too-large"
    status = 422
    retry = False


class HashsumMismatch(SourceError):
    """The original's bytes do not digest to what the URL says (dialect §5.6)."""

    title = "The original is not the one that was meant"
    slug = "hashsum-mismatch"
    status = 422
    retry = False


class ImageError(ImgproxyError):
    """The original is no picture that can be read."""

    title = "The original cannot be read"
    slug = "broken-image"
    status = 422
    report = False


class UnsupportedImage(ImageError):
    """The original is not an image, or of a kind that is not decoded here."""

    title = "The original is not a supported image"
    slug = "unsupported-image"
    status = 415


class UnknownImage(UnsupportedImage):
    """The original's bytes are those of no known image format."""

    title = "The original is not an image"


class UndecodableImage(UnsupportedImage):
    """The original's format is known, but this installation cannot decode it."""

    title = "The original's format cannot be decoded here"


class BrokenImage(ImageError):
    """The original is damaged or truncated."""

    title = "The original is damaged"


class BrokenSvg(BrokenImage):
    """The original is an SVG that cannot be parsed."""

    title = "The original is a damaged SVG"


class CapacityError(ImgproxyError):
    """The service could not answer now."""

    title = "The service is busy"
    slug = "overloaded"
    status = 503
    retry = True
    report = False  # the pool's gauges and counters tell it; a line of error for each would drown what is ours to mend


class Overloaded(CapacityError):
    """As many work and wait as may; `retry_after` is in seconds."""

    title = "Too many requests are waiting"

    def __init__(self, detail: str = "", *, retry_after: int = 1, private: str = "") -> None:
        super().__init__(detail, private=private)
        self.retry_after = retry_after


class TooLate(Overloaded):
    """Those before it take so long that the request would be answered after its deadline; it is refused at once."""

    title = "The request would take too long"


class DeadlineExceeded(CapacityError):
    """The request's time is up."""

    title = "The request took too long"
    slug = "deadline-exceeded"


class PurgeUnavailable(CapacityError):
    """A purge cannot be made to hold in all caches."""

    title = "Purging is not possible now"
    slug = "purge-unavailable"


class ClientGone(CapacityError):
    """The client closed its connection before the answer."""

    title = "The client went away"
    slug = "client-gone"
    status = 499
