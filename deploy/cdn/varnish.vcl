vcl 4.1;
# Varnish before several imgproxy_py, started with  -p http_gzip_support=off -p vcl_path=FOLDER.  docs/cdn.md explains it; tests/cdn
# runs it. What differs from place to place is in site.vcl beside it: the instances, who may purge, and the service's secret.

import std;
import directors;
import xkey; # Debian: varnish-modules

include "site.vcl";

sub vcl_recv {
    if (req.restarts == 0) {
        unset req.http.X-Edge-Step;
    }
    set req.backend_hint = service.backend();

    if (req.method == "PURGE") {
        call may_purge;
        if (req.http.xkey-purge) {
            return (synth(200, "purged " + xkey.purge(req.http.xkey-purge)));
        }
        return (purge); # this URL, in every format
    }
    if (req.method != "GET" && req.method != "HEAD") {
        if (req.method == "OPTIONS") {
            return (pass);
        }
        return (synth(405));
    }
    if (req.url == "/health" || req.url == "/ready") {
        return (synth(404)); # the service's own matters
    }

    # Accept has four forms from here on: both formats, either, none. A format counts where it is named and not with q=0.
    # For JPEG XL do the same with image/jxl, and name it first.
    set req.http.X-Edge-Accept = "";
    if (req.http.Accept ~ "(?i)(?:^|,)\s*image/avif\s*(?![^,;])(?![^,]*;\s*q\s*=\s*0(?:\.0*)?\s*(?:[;,]|$))") {
        set req.http.X-Edge-Accept = "image/avif";
    }
    if (req.http.Accept ~ "(?i)(?:^|,)\s*image/webp\s*(?![^,;])(?![^,]*;\s*q\s*=\s*0(?:\.0*)?\s*(?:[;,]|$))") {
        set req.http.X-Edge-Accept = regsub(req.http.X-Edge-Accept, "(?<=.)$", ",") + "image/webp";
    }
    unset req.http.Accept;
    if (req.http.X-Edge-Accept != "") {
        set req.http.Accept = req.http.X-Edge-Accept;
    }
    unset req.http.X-Edge-Accept;
    unset req.http.Accept-Encoding;
    unset req.http.Cookie;
    unset req.http.Authorization;
    return (hash);
}

sub vcl_hash {
    # The order of parameters means nothing in the query dialect. Elsewhere a `?` may belong to the original's URL.
    # With an IMGPROXY_PATH_PREFIX, put it in front of /images/.
    if (req.url ~ "^/images/") {
        hash_data(std.querysort(req.url));
    } else {
        hash_data(req.url);
    }
    return (lookup); # without Host: what a URL names is the same at every host
}

# Beyond its lifetime a picture may be given
#   - for stale-while-revalidate, while it is fetched anew behind the answer;
#   - for stale-if-error, once the service was asked and failed, or when its probes say that nobody is there.
# The header X-Edge-Step tells how far a request is: `fresh`: ask first; `stale`: that failed.
sub vcl_hit {
    if (obj.ttl >= 0s || req.http.X-Edge-Step == "stale" || !std.healthy(req.backend_hint)) {
        return (deliver);
    }
    if (obj.ttl + std.duration(obj.http.X-Edge-Revalidate, 0s) > 0s) {
        return (deliver);
    }
    if (req.http.X-Edge-Step == "fresh") {
        return (deliver); # somebody else has just fetched it, with a lifetime of nothing
    }
    set req.http.X-Edge-Step = "fresh";
    set req.grace = std.duration(obj.http.X-Edge-Revalidate, 0s);
    return (restart);
}

sub vcl_backend_fetch {
    call for_the_service;
    return (fetch);
}

sub vcl_backend_response {
    unset beresp.http.Set-Cookie;
    if (beresp.status >= 500) {
        if (bereq.is_bgfetch || bereq.http.X-Edge-Step == "fresh") {
            return (abandon); # the picture that is there stays
        }
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
        return (deliver);
    }
    if (!beresp.http.Cache-Control) {
        set beresp.uncacheable = true; # nothing was said, so nothing is assumed
        set beresp.ttl = 1s;
        return (deliver);
    }
    set beresp.do_esi = false;
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    set beresp.http.X-Edge-Revalidate = "0s";
    if (beresp.status < 400) {
        set beresp.keep = 7d; # its entity tag can still be asked with
        if (beresp.http.Cache-Control ~ "stale-while-revalidate=[0-9]") {
            set beresp.http.X-Edge-Revalidate =
                regsub(beresp.http.Cache-Control, "^.*stale-while-revalidate=([0-9]+).*$", "\1") + "s";
            set beresp.grace = std.duration(beresp.http.X-Edge-Revalidate, 0s);
        }
        if (beresp.http.Cache-Control ~ "stale-if-error=[0-9]") {
            set beresp.grace = std.duration(
                regsub(beresp.http.Cache-Control, "^.*stale-if-error=([0-9]+).*$", "\1") + "s", 0s);
            if (beresp.grace < std.duration(beresp.http.X-Edge-Revalidate, 0s)) {
                set beresp.grace = std.duration(beresp.http.X-Edge-Revalidate, 0s);
            }
        }
    }
    # What is left is Varnish's own: no-store, no-cache, private and a lifetime of nothing are not kept.
}

sub vcl_backend_error {
    if (bereq.retries < 2) {
        return (retry); # at another instance
    }
    if (bereq.is_bgfetch || bereq.http.X-Edge-Step == "fresh") {
        return (abandon);
    }
}

sub vcl_synth {
    if (resp.status == 503 && req.http.X-Edge-Step == "fresh") {
        set req.http.X-Edge-Step = "stale";
        set req.grace = 3650d;
        return (restart);
    }
    if (req.method == "PURGE") {
        set resp.http.Content-Type = "text/plain";
        set resp.body = resp.reason + {"
"};
        return (deliver);
    }
}

sub vcl_deliver {
    if (obj.hits > 0) {
        set resp.http.X-Edge-Status = "varnish; hit";
        if (obj.ttl < 0s) {
            set resp.http.X-Edge-Status = "varnish; hit; detail=stale";
        }
    } else {
        set resp.http.X-Edge-Status = "varnish; fwd=miss";
    }
    if (resp.http.Cache-Status) {
        set resp.http.Cache-Status = resp.http.Cache-Status + ", " + resp.http.X-Edge-Status;
    } else {
        set resp.http.Cache-Status = resp.http.X-Edge-Status;
    }
    unset resp.http.X-Edge-Status;
    unset resp.http.X-Edge-Revalidate;
    unset resp.http.X-Varnish;
    unset resp.http.xkey;
}
