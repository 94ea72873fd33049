# What differs from place to place; varnish.vcl includes it.

probe ready {
    .url = "/ready"; # 503 as soon as an instance is asked to end
    .interval = 1s;
    .timeout = 1s;
    .window = 3;
    .threshold = 2;
    .initial = 2;
}

backend one { .host = "imgproxy-1"; .port = "8080"; .probe = ready; .connect_timeout = 1s; .first_byte_timeout = 30s; }
backend two { .host = "imgproxy-2"; .port = "8080"; .probe = ready; .connect_timeout = 1s; .first_byte_timeout = 30s; }

sub vcl_init {
    new service = directors.round_robin();
    service.add_backend(one);
    service.add_backend(two);
}

acl purgers {
    "127.0.0.1";
    "10.0.0.0"/8;
}

# Both hold: the address, and IMGPROXY_PURGE_VARNISH_SECRET of whoever purges.
sub may_purge {
    if (client.ip !~ purgers || req.http.Authorization != "Bearer change-me") {
        return (synth(403));
    }
}

sub for_the_service {
    # set bereq.http.Authorization = "Bearer …"; # if it has an IMGPROXY_SECRET
}
