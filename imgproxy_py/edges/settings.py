"""What operators set of the caches in front of the service."""

from __future__ import annotations

from pydantic import Field

from imgproxy_py.edges.akamai import AkamaiSettings
from imgproxy_py.edges.bunny import BunnySettings
from imgproxy_py.edges.cloudflare import CloudflareSettings
from imgproxy_py.edges.cloudfront import CloudFrontSettings
from imgproxy_py.edges.fastly import FastlySettings
from imgproxy_py.edges.varnish import VarnishSettings
from imgproxy_py.kinds import Seconds


class EdgeSettings(
    AkamaiSettings, BunnySettings, CloudFrontSettings, CloudflareSettings, FastlySettings, VarnishSettings
):
    """The caches in front, for `imgproxy-py purge`; each with an address or id is told."""

    purge_timeout: Seconds = Field(10.0, description="Seconds that one call to an edge may take.")
