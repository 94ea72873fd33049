"""What operators set of the URL dialects; those know only plain values, so their settings live here."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationInfo, field_validator

from imgproxy_py.dialects.encryption import CipherMode
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.query.config import QueryConfig
from imgproxy_py.dialects.signing import KeyPair
from imgproxy_py.kinds import Count, Flag, HexSecret, Integer, Number, Positive, Texts, hex_bytes
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import UnsharpMode
from imgproxy_py.settings.errors import SettingsError, WrongSetting
from imgproxy_py.settings.names import variable

_IMAGES_SOURCE = re.compile(r"(s3://[^/\s]+(/\S*)?|local://(/\S*)?)\Z")
_CIPHER_KEY_BYTES = (0, 16, 24, 32)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("a text that is not blank")
    return text


def _images_source(text: str) -> str:
    if text and not _IMAGES_SOURCE.match(text):
        raise ValueError("s3://bucket/prefix or local:///prefix")
    return text


def _cipher_key(secret: SecretStr) -> SecretStr:
    if len(hex_bytes(secret.get_secret_value().strip())) not in _CIPHER_KEY_BYTES:
        raise ValueError("16, 24 or 32 bytes as hex digits")
    return secret


NotBlank = Annotated[str, AfterValidator(_not_blank)]
"""A text with something in it."""


Factor = Annotated[Number, Field(gt=0)]
"""A finite number above 0."""


class DialectSettings(BaseModel):
    """Signatures, presets, which options are taken, and what the options are when a URL is silent."""

    key: HexSecret = Field(
        default=SecretStr(""),
        description="Keys for signatures, hex, several divided by commas: the first signs, each verifies. "
        "URLs must be signed when keys and salts are set.",
    )
    salt: HexSecret = Field(
        default=SecretStr(""), validate_default=True, description="Salts for signatures, hex, as many as keys."
    )
    signature_size: Annotated[Integer, Field(ge=1, le=32)] = Field(
        default=32, description="How many bytes of a signature's 32 are kept."
    )
    trusted_signatures: SecretStr = Field(
        default=SecretStr(""), description="Texts, divided by commas, that pass as the signature of any URL."
    )
    source_url_encryption_key: Annotated[SecretStr, AfterValidator(_cipher_key)] = Field(
        default=SecretStr(""), description="Key of encrypted source URLs: 16, 24 or 32 bytes, hex."
    )
    source_url_encryption_mode: CipherMode = Field(
        default=CipherMode.CBC,
        description="How encrypted sources are written: `cbc` as `enc/…`, `gcm`, which notices what was changed, as "
        "`enc-gcm/…`. With `cbc` both are read, with `gcm` nothing but that.",
    )
    arguments_separator: NotBlank = Field(default=":", description="What divides an option's arguments.")
    presets: str = Field(
        default="",
        description="Presets as `name=option/option`, divided by the presets' separator; `#` begins a comment.",
    )
    presets_separator: NotBlank = Field(default=",", description="What divides the definitions of presets.")
    presets_path: Path | None = Field(default=None, description="File of presets, one definition a line.")
    only_presets: Flag = Field(default=False, description="URLs name presets and nothing else.")
    allowed_processing_options: Texts = Field(
        default=(),
        description="The only options a URL may use, in these very spellings. Presets are exempt. Blank for all.",
    )
    info_presets: str = Field(
        default="", description="Presets of `/info` URLs, written and divided as those of pictures are."
    )
    info_presets_path: Path | None = Field(default=None, description="File of presets of `/info` URLs.")
    info_only_presets: Flag | None = Field(
        default=None, description="`/info` URLs name presets and nothing else; by default as `IMGPROXY_ONLY_PRESETS`."
    )
    allowed_info_options: Texts = Field(
        default=(), description="The only options an `/info` URL may use. Blank for all."
    )
    allow_security_options: Flag = Field(
        default=False, description="URLs may override limits (`max_src_resolution` …)."
    )
    allow_bypass_cache: Flag = Field(default=False, description="URLs may go past the caches (`bypass_cache`).")
    max_chained_pipelines: Count = Field(
        default=0, description="How many pipelines a URL or preset may chain with `-`. 0 = no limit."
    )
    base_url: str = Field(default="", description="Put in front of every source URL that does not begin with it.")
    url_replacements: str = Field(
        default="",
        description="Rewrites of source URLs, `pattern=replacement` divided by `;`: `*` is a run without slashes, "
        "`${1}` the first of them. Before the base URL.",
    )
    base64_url_includes_filename: Flag = Field(
        default=False, description="The last segment of a base64 source is a decorative file name."
    )
    source_url_query_separator: str = Field(
        default="?", description="What ends the key of a stored original and begins its version; may be set blank."
    )
    images_source: Annotated[str, AfterValidator(_images_source)] = Field(
        default="",
        description="Where `/images/{key}` finds originals: `s3://bucket/prefix` or `local:///prefix`. Blank for nowhere.",
    )
    images_max_side: Positive = Field(
        default=8192, description="The largest width and height that `/images` URLs may ask, in pixels."
    )
    best_format_by_default: Flag = Field(
        default=False, description="Choose the format as `best` does when the URL names none."
    )
    auto_rotate: Flag = Field(default=True, description="Turn pictures as their EXIF orientation says.")
    strip_metadata: Flag = Field(default=True, description="Remove EXIF, IPTC and XMP.")
    keep_copyright: Flag = Field(default=True, description="Leave authors and copyright when metadata is removed.")
    keep_provenance: Flag = Field(
        default=False,
        description="Leave what tells how a picture was made (IPTC DigitalSourceType) when metadata is removed.",
    )
    unsharp_masking_mode: UnsharpMode = Field(
        default=UnsharpMode.NONE,
        description="When results are sharpened by unsharp masking: `auto` (when made smaller and not sharpened "
        "otherwise), `none`, `always`.",
    )
    unsharp_masking_weight: Factor = Field(
        default=1.0, description="How much the original counts in unsharp masking: more sharpens more."
    )
    unsharp_masking_divider: Factor = Field(
        default=24.0, description="What the mask of unsharp masking is divided by: more sharpens less."
    )
    strip_color_profile: Flag = Field(default=True, description="Convert to sRGB and drop the colour profile.")
    preserve_hdr: Flag = Field(default=False, description="Keep more than 8 bits where the result's format can.")
    enforce_thumbnail: Flag = Field(default=False, description="Use the thumbnail within an AVIF if there is one.")

    @field_validator("salt")
    @classmethod
    def _as_many_as_keys(cls, salt: SecretStr, info: ValidationInfo) -> SecretStr:
        key = info.data.get("key")
        if key is not None and len(_parts(key)) != len(_parts(salt)):
            raise ValueError(f"as many salts as there are keys ({len(_parts(key))})")
        return salt

    @field_validator("url_replacements")
    @classmethod
    def _pairs(cls, text: str) -> str:
        if not all("=" in rule for rule in _rules(text)):
            raise ValueError("pattern=replacement, several divided by semicolons")
        return text

    def key_pairs(self) -> tuple[KeyPair, ...]:
        """Give the pairs of key and salt; none switches signing off."""
        pairs = zip(_parts(self.key), _parts(self.salt), strict=True)
        return tuple(KeyPair(hex_bytes(key), hex_bytes(salt)) for key, salt in pairs)

    def encryption_key(self) -> bytes:
        """Give the key of encrypted sources, empty if there is none."""
        return hex_bytes(self.source_url_encryption_key.get_secret_value().strip())

    def trusted(self) -> tuple[str, ...]:
        """Give the texts that pass as any signature."""
        return _parts(self.trusted_signatures)

    def preset_definitions(self) -> tuple[str, ...]:
        """Give the presets of the list and then those of the file, blank ones and comments among them.

        Raises `SettingsError` if the file cannot be read.
        """
        return self._definitions(self.presets, self.presets_path)

    def _definitions(self, listed: str, path: Path | None) -> tuple[str, ...]:
        return (*(listed.split(self.presets_separator) if listed else ()), *_lines(path))

    def imgproxy_dialect(self, path_prefix: str) -> ImgproxyConfig:
        """Give the configuration of the imgproxy dialect below a path prefix (which is the web's setting).

        Raises `SettingsError` if the presets' file cannot be read.
        """
        return ImgproxyConfig(
            pairs=self.key_pairs(),
            signature_size=self.signature_size,
            trusted_signatures=self.trusted(),
            encryption_key=self.encryption_key(),
            encryption_mode=self.source_url_encryption_mode,
            path_prefix=path_prefix,
            arguments_separator=self.arguments_separator,
            presets=self.preset_definitions(),
            only_presets=self.only_presets,
            allowed_options=frozenset(self.allowed_processing_options),
            allow_security_options=self.allow_security_options,
            allow_bypass_cache=self.allow_bypass_cache,
            max_chained_pipelines=self.max_chained_pipelines,
            base_url=self.base_url,
            url_replacements=tuple(_pair(rule) for rule in _rules(self.url_replacements)),
            base64_url_includes_filename=self.base64_url_includes_filename,
            source_url_query_separator=self.source_url_query_separator,
            best=self.best_format_by_default,
            auto_rotate=self.auto_rotate,
            strip_metadata=self.strip_metadata,
            keep_copyright=self.keep_copyright,
            keep_provenance=self.keep_provenance,
            unsharp_mode=self.unsharp_masking_mode,
            unsharp_weight=self.unsharp_masking_weight,
            unsharp_divider=self.unsharp_masking_divider,
            strip_color_profile=self.strip_color_profile,
            preserve_hdr=self.preserve_hdr,
            enforce_thumbnail=self.enforce_thumbnail,
        )

    def info_dialect(self, pictures: ImgproxyConfig) -> ImgproxyConfig:
        """Give the configuration of `/info` beside that of pictures; `SettingsError` if its presets cannot be read."""
        only = self.only_presets if self.info_only_presets is None else self.info_only_presets
        return replace(
            pictures,
            presets=self._definitions(self.info_presets, self.info_presets_path),
            only_presets=only,
            allowed_options=frozenset(self.allowed_info_options),
        )

    def query_dialect(self, shared: ImgproxyConfig, savable: frozenset[Format]) -> QueryConfig | None:
        """Give the configuration of the query dialect, `None` if no source of images is configured.

        `savable` are the formats that URLs may ask for.
        """
        if not self.images_source:
            return None
        return QueryConfig(
            images_source=self.images_source, max_side=self.images_max_side, savable=savable, shared=shared
        )


def _lines(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        raise SettingsError([WrongSetting(variable("presets_path"), str(path), "a readable text file")]) from None


def _rules(text: str) -> tuple[str, ...]:
    return tuple(rule.strip() for rule in text.split(";") if rule.strip())


def _pair(rule: str) -> tuple[str, str]:
    pattern, _, replacement = rule.partition("=")
    return pattern, replacement


def _parts(secret: SecretStr) -> tuple[str, ...]:
    return tuple(part.strip() for part in secret.get_secret_value().split(",") if part.strip())
