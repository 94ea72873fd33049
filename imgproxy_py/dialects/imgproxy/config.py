"""How the imgproxy dialect is set up."""

from __future__ import annotations

from dataclasses import dataclass, field

from imgproxy_py.dialects.encryption import CipherMode
from imgproxy_py.dialects.signing import DIGEST_BYTES, KeyPair
from imgproxy_py.recipe.model import UnsharpMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ImgproxyConfig:
    """The dialect's configuration (dialect §14), with imgproxy's defaults.

    `pairs` are keys and salts, none for no signing; `encryption_key` has 16, 24 or 32 bytes, none for no encrypted
    sources. `presets` are definitions `name=option/option`. `allowed_options` are names in the very spelling that URLs
    use, none for all. `url_replacements` are pairs of pattern and replacement. `max_chained_pipelines` of 0 sets no
    limit. The last group are the values that options have before anything was said.
    """

    pairs: tuple[KeyPair, ...] = ()
    signature_size: int = DIGEST_BYTES
    trusted_signatures: tuple[str, ...] = field(default=(), repr=False)
    encryption_key: bytes = field(default=b"", repr=False)
    encryption_mode: CipherMode = CipherMode.CBC

    path_prefix: str = ""
    arguments_separator: str = ":"
    presets: tuple[str, ...] = ()
    only_presets: bool = False
    allowed_options: frozenset[str] = frozenset()
    allow_security_options: bool = False
    allow_bypass_cache: bool = False
    max_chained_pipelines: int = 0

    base_url: str = ""
    url_replacements: tuple[tuple[str, str], ...] = ()
    base64_url_includes_filename: bool = False
    source_url_query_separator: str = "?"

    best: bool = False
    auto_rotate: bool = True
    strip_metadata: bool = True
    keep_copyright: bool = True
    strip_color_profile: bool = True
    keep_provenance: bool = False
    preserve_hdr: bool = False
    unsharp_mode: UnsharpMode = UnsharpMode.NONE
    unsharp_weight: float = 1.0
    unsharp_divider: float = 24.0
    enforce_thumbnail: bool = False
    return_attachment: bool | None = None
