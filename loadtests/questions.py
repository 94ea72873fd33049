"""What is asked, and what the answer must be: pure values, made at random but the same for the same seed."""

from __future__ import annotations

import hmac
import random
from base64 import urlsafe_b64encode
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from urllib.parse import quote

from loadtests.profile import Profile

MEDIA_TYPES = {"jpeg": "image/jpeg", "webp": "image/webp", "avif": "image/avif", "png": "image/png"}
_LONG_AGO, _FAR_AHEAD = 1_000_000_000, 4_000_000_000
_SIDES = (96, 160, 240, 320, 400, 480, 640)
_PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Question:
    """A request and the answer to it that is right. Without a media type the body is not looked at."""

    target: str
    status: int = 200
    media_type: str = ""
    size: tuple[int, int] = (0, 0)
    headers: Mapping[str, str] = field(default_factory=dict)
    varies: bool = False


class Signer:
    """Signs as imgproxy's clients do; without a key everything is `unsafe`."""

    def __init__(self, key: str = "", salt: str = "") -> None:
        self._key, self._salt = bytes.fromhex(key), bytes.fromhex(salt)

    @property
    def on(self) -> bool:
        return bool(self._key)

    def path(self, rest: str) -> str:
        """Give a target of the imgproxy dialect."""
        return f"/{self._of(rest) if self.on else 'unsafe'}{rest}"

    def query(self, path: str, parameters: Mapping[str, str]) -> str:
        """Give a target of the query dialect."""
        text = f"{path}?{'&'.join(f'{name}={value}' for name, value in sorted(parameters.items()))}"
        return f"{text}&s={self._of(text)}" if self.on else text

    def _of(self, text: str) -> str:
        digest = hmac.digest(self._key, self._salt + text.encode(), "sha256")
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


class Questions:
    """The questions of each scenario of a profile."""

    def __init__(self, profile: Profile, signer: Signer, seed: int) -> None:
        self._profile = profile
        self._signer = signer
        self._random = random.Random(seed)
        weights = (rank**-profile.zipf for rank in range(1, profile.catalogue + 1))
        self._cumulated = list(accumulate(weights))
        self._errors = self._every_error()

    def hot(self) -> Question:
        """Ask for one of a few pictures: nearly always a hit in memory."""
        return self._listed(self._random.randrange(self._profile.hot))

    def mixed(self) -> Question:
        """Ask for a picture of the catalogue as often as Zipf says."""
        drawn = self._random.random() * self._cumulated[-1]
        return self._listed(self._profile.hot + bisect_left(self._cumulated, drawn))

    def cold(self) -> Question:
        """Ask for a picture that nobody has asked for: no cache knows it."""
        width, height = self._random.randint(100, 800), self._random.randint(100, 800)
        output = self._random.choice(self._profile.formats)
        rest = f"/rs:fill:{width}:{height}/el:1/q:{self._random.randint(50, 95)}/{self._plain(self._any())}@{output}"
        return Question(self._signer.path(rest), 200, MEDIA_TYPES[output], (width, height))

    def negotiation(self) -> Question:
        """Ask for one URL as browsers of different abilities."""
        able = self._profile.negotiated[self._random.randint(0, len(self._profile.negotiated)) :]
        accept = ",".join([*(MEDIA_TYPES[one] for one in able), "image/*;q=0.8", "*/*;q=0.5"])
        width = self._random.choice(_SIDES)
        rest = f"/rs:fill:{width}:{width}/el:1/{self._plain(self._any())}"
        expected = MEDIA_TYPES[able[0] if able else "jpeg"]
        return Question(self._signer.path(rest), 200, expected, (width, width), {"Accept": accept}, varies=True)

    def errors(self) -> Question:
        """Ask for what must be refused, and how."""
        return self._random.choice(self._errors)

    def signed(self) -> Question:
        """Show a signature that holds, or one that does not, in either dialect."""
        question = self._listed(self._random.randrange(self._profile.hot))
        match self._random.randrange(4):
            case 0:
                return Question(f"/{self._forged()}/{question.target.split('/', 2)[2]}", 403, "text/plain")
            case 1 if self._profile.images:
                return Question(f"{self._image({'w': '200'}).rpartition('=')[0]}={self._forged()}", 403, _PROBLEM)
            case 2 if self._profile.images:
                sizes = {"w": "240", "h": "160", "fit": "cover", "enlarge": "1", "format": "webp"}
                return Question(self._image(sizes), 200, "image/webp", (240, 160))
            case _:
                return question

    def expired(self) -> Question:
        """Use a link whose time is over, or one whose time is not."""
        width = self._random.choice(_SIDES)
        match self._random.randrange(3):
            case 0:
                rest = f"/exp:{_LONG_AGO}/w:{width}/{self._plain(self._any())}"
                return Question(self._signer.path(rest), 404, "text/plain")
            case 1 if self._profile.images:
                return Question(self._image({"w": str(width), "exp": str(_LONG_AGO)}), 410, _PROBLEM)
            case _:
                rest = f"/exp:{_FAR_AHEAD}/rs:fill:{width}:{width}/el:1/{self._plain(self._any())}@webp"
                return Question(self._signer.path(rest), 200, "image/webp", (width, width))

    def _listed(self, number: int) -> Question:
        """Give a picture of the catalogue by its number: the same one for everybody."""
        rest, number = number, number % len(self._profile.originals)
        original = self._profile.originals[number]
        rest //= len(self._profile.originals)
        output = self._profile.formats[rest % len(self._profile.formats)]
        rest //= len(self._profile.formats)
        width, height = 120 + rest * 7 % 480, 80 + rest * 11 % 320
        path = f"/rs:fill:{width}:{height}/el:1/{self._plain(original)}@{output}"
        return Question(self._signer.path(path), 200, MEDIA_TYPES[output], (width, height))

    def _every_error(self) -> list[Question]:
        there, path = self._profile.originals[0], self._signer.path
        questions = [
            Question(path(f"/w:120/{self._plain(self._profile.missing)}"), 404, "text/plain"),
            Question(path(f"/nosuch:1/{self._plain(there)}"), 404, "text/plain"),
            Question(path(f"/w:wide/{self._plain(there)}"), 404, "text/plain"),
        ]
        if self._profile.no_picture:
            questions.append(Question(path(f"/w:120/{self._plain(self._profile.no_picture)}"), 422, "text/plain"))
        if self._profile.images:
            questions.append(Question(self._image({"w": "wide"}), 400, _PROBLEM))
            questions.append(Question(self._image({"w": "120", "colour": "red"}), 400, _PROBLEM))
        return questions

    def _image(self, parameters: Mapping[str, str]) -> str:
        return self._signer.query(f"/images/{quote(self._random.choice(self._profile.images))}", parameters)

    def _any(self) -> str:
        return self._random.choice(self._profile.originals)

    def _plain(self, original: str) -> str:
        return "plain/" + quote(original, safe=":/!$&'()*+,;=~")

    def _forged(self) -> str:
        return urlsafe_b64encode(self._random.randbytes(32)).rstrip(b"=").decode()
