"""`imgproxy-py url`."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from imgproxy_py.cli.refusing import refusals
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.dialect import UNSIGNED, ImgproxyDialect
from imgproxy_py.dialects.imgproxy.source import SourceReader
from imgproxy_py.dialects.lexical import percent_encoded, to_base64
from imgproxy_py.dialects.query import QueryConfig, QueryDialect
from imgproxy_py.dialects.query.dialect import MOUNT
from imgproxy_py.dialects.signing import Signer
from imgproxy_py.settings import Settings

NAME = "url"
SUMMARY = "Write a URL and sign it."
HELP = (
    "Print the URL of a picture, signed if there are keys, after checking that the service would understand it. "
    "Keys come from --key and --salt or, better, since others see command lines, from the environment."
)
EXAMPLES = """\b
Examples:
  imgproxy-py url local:///a.jpg rs:fill:300:200 g:sm --format webp
  imgproxy-py url https://example.com/a.jpg w:300 --encoding base64 --prefix https://img.example.com
  imgproxy-py url s3://bucket/a.jpg preset:card --key 736563726574 --salt 68656c6c6f
  imgproxy-py url a.jpg w=300 h=200 fit=cover --dialect query
"""

_PLACEHOLDERS = frozenset({UNSIGNED, "insecure", "_"})
_QUERY_SAFE = ","


class DialectName(StrEnum):
    """How the URL is written."""

    IMGPROXY = "imgproxy"
    QUERY = "query"


class Encoding(StrEnum):
    """How the URL of the imgproxy dialect names its source."""

    PLAIN = "plain"
    BASE64 = "base64"
    ENCRYPTED = "encrypted"


def run(
    source: Annotated[
        str, typer.Argument(help="The original: a URL such as local:///a.jpg, or its key in the query dialect.")
    ],
    options: Annotated[
        list[str] | None, typer.Argument(help="What is to be made of it: w:300 …, or w=300 … in the query dialect.")
    ] = None,
    dialect: Annotated[DialectName, typer.Option(help="How the URL is written.")] = DialectName.IMGPROXY,
    encoding: Annotated[Encoding, typer.Option(help="How the source is named (imgproxy).")] = Encoding.PLAIN,
    output: Annotated[str, typer.Option("--format", help="Format of the result, as webp.")] = "",
    key: Annotated[str | None, typer.Option(help="Key of the signature, hex.")] = None,
    salt: Annotated[str | None, typer.Option(help="Salt of the signature, hex.")] = None,
    signature_size: Annotated[int | None, typer.Option(help="Bytes of the signature, 1–32.")] = None,
    encryption_key: Annotated[str | None, typer.Option(help="Key of encrypted sources, hex.")] = None,
    prefix: Annotated[str, typer.Option(help="Scheme and host in front, as https://img.example.com.")] = "",
    env_file: Annotated[Path | None, typer.Option(help="File of NAME=value lines, below the environment.")] = None,
) -> None:
    """Print the URL."""
    flags = {
        "key": key,
        "salt": salt,
        "signature_size": signature_size,
        "source_url_encryption_key": encryption_key,
    }
    with refusals():
        settings = Settings.load({name: value for name, value in flags.items() if value is not None}, env_file)
        if dialect is DialectName.QUERY:
            target = query_target(settings, source, options or [], output)
        else:
            target = imgproxy_target(settings.imgproxy_config(), source, options or [], output, encoding)
    typer.echo(prefix.rstrip("/") + target)


def imgproxy_target(
    config: ImgproxyConfig, source: str, options: list[str], output: str, encoding: Encoding = Encoding.PLAIN
) -> str:
    """Write a target of the imgproxy dialect with the options as given, checked by reading it back.

    Raises `ValueError` or an error of the dialect for what it would refuse.
    """
    if not config.only_presets:
        _check_shape(options, config.arguments_separator, f"name{config.arguments_separator}arguments")
    rest = "/".join([*options, _ENCODERS[encoding](config, source, output)])
    signer = Signer(config.pairs, config.signature_size)
    signature = signer.sign(f"/{rest}") if signer.on else UNSIGNED
    target = f"{_mount(config)}/{signature}/{rest}"
    ImgproxyDialect(config).parse(target, now=time.time())
    return target


def query_target(settings: Settings, key: str, parameters: list[str], output: str) -> str:
    """Write a target of the query dialect with the parameters as given, checked by reading it back.

    Raises `ValueError` or an error of the dialect for what it would refuse.
    """
    _check_shape(parameters, "=", "name=value")
    shared = settings.imgproxy_config()
    dialect = _query_dialect(settings, shared)
    query = "&".join(_parameter(one) for one in [*parameters, *([f"format={output}"] if output else [])])
    target = f"{_mount(shared)}{MOUNT}{quote(_key(key, _root(settings)))}?{query}"
    signed = _signed(target, dialect.split(target).rest, Signer(shared.pairs, shared.signature_size))
    dialect.parse(signed, now=time.time())
    return signed


def target_signer(settings: Settings) -> Callable[[str], str]:
    """Give a function that signs targets of either dialect, each checked by reading it back.

    In the imgproxy dialect a first part `unsafe`, `insecure` or `_` stands for the signature; without one the signature is put
    in front. It raises `ValueError` or an error of the dialect for what that would refuse, and for what is signed already.
    """
    config = settings.imgproxy_config()
    signer, mount, dialect = Signer(config.pairs, config.signature_size), _mount(config), ImgproxyDialect(config)
    queries = _query_dialect(settings, config)

    def sign(target: str) -> str:
        if settings.images_source and target.startswith(mount + MOUNT):
            return _signed_query(queries, target, signer)
        rest = target.removeprefix(mount).removeprefix("/")
        first, _, after = rest.partition("/")
        unsigned = after if first in _PLACEHOLDERS else rest
        signed = f"{mount}/{signer.sign(f'/{unsigned}')}/{unsigned}"
        dialect.parse(signed, now=time.time())
        return signed

    return sign


def _query_dialect(settings: Settings, shared: ImgproxyConfig) -> QueryDialect:
    return QueryDialect(QueryConfig(images_source=_root(settings), max_side=settings.images_max_side, shared=shared))


def _root(settings: Settings) -> str:
    return settings.images_source or "local:///"


def _signed_query(dialect: QueryDialect, target: str, signer: Signer) -> str:
    path = dialect.split(target)
    if path.signature:
        raise ValueError("signed already")
    signed = _signed(target if "?" in target else f"{target}?", path.rest, signer)
    dialect.parse(signed, now=time.time())
    return signed


def _signed(target: str, text: str, signer: Signer) -> str:
    if not signer.on:
        return target.removesuffix("?")
    return f"{target}{'' if target.endswith('?') else '&'}s={signer.sign(text)}"


def _check_shape(given: list[str], mark: str, shape: str) -> None:
    if wrong := [one for one in given if mark not in one]:
        raise ValueError(f"{', '.join(map(repr, wrong))}: expected {shape}")


def _mount(config: ImgproxyConfig) -> str:
    prefix = config.path_prefix.strip("/")
    return f"/{prefix}" if prefix else ""


def _key(source: str, root: str) -> str:
    key = source.removeprefix(root.removesuffix("/") + "/").removeprefix("/")
    if "://" in key:
        raise ValueError(f"{source!r}: expected a key below {root}")
    return key


def _parameter(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{quote(name)}={quote(value, safe=_QUERY_SAFE)}"


def _plain(config: ImgproxyConfig, source: str, output: str) -> str:
    return f"plain/{percent_encoded(source)}" + (f"@{output}" if output else "")


def _base64(config: ImgproxyConfig, source: str, output: str) -> str:
    return to_base64(source.encode()) + (f".{output}" if output else "")


def _encrypted(config: ImgproxyConfig, source: str, output: str) -> str:
    if not config.encryption_key:
        raise ValueError("encrypted sources need a key: --encryption-key or IMGPROXY_SOURCE_URL_ENCRYPTION_KEY")
    return SourceReader(config).sealed(source) + (f".{output}" if output else "")


_ENCODERS: dict[Encoding, Callable[[ImgproxyConfig, str, str], str]] = {
    Encoding.PLAIN: _plain,
    Encoding.BASE64: _base64,
    Encoding.ENCRYPTED: _encrypted,
}
