"""Words that mutations are made with, and options that URLs begin from."""

from __future__ import annotations

OPTION_WORDS = (
    *(
        b":",
        b"/",
        b"-",
        b"0",
        b"1",
        b"-1",
        b"0.5",
        b"1e9",
        b"1e-300",
        b"9" * 18,
        b"nan",
        b"%3A",
        b"%2F",
        b"%00",
        b"%FF",
    ),
    *(b"plain/", b"enc/", b"local:///", b"s3://", b"http://", b"https:/", b"@", b"@png", b"."),
    *(b"fp", b"sm", b"no", b"soea", b"re", b"ch", b"obj", b"objw", b"all", b"face", b"auto", b"fill-down", b"best"),
    *(b"jpg", b"webp", b"avif", b"gif", b"ico", b"svg", b"ff0", b"ssim", b"dssim", b"size", b"lanczos3", b"blurhash"),
)

OPTION_EXAMPLES = (
    *("rs:fill:300:200:1:1", "s:10:20:1:0", "rt:fill-down", "w:10", "h:20", "mw:30", "mh:40", "z:1.5:0.2", "dpr:2.5"),
    *("el:1", "ex:1:soea:3:4", "exar:1:ce", "g:no:1:2", "g:fp:0.2:0.8", "g:sm", "g:obj:face", "g:objw:all:2:face:3"),
    *("c:0.5:20:nowe:1:2", "car:1.5:1", "t:10:ff00ff:1:1", "pd:1:2:3:4", "ar:0", "rot:90", "fl:1:0", "bg:255:0:128"),
    *("bg:fa0", "bga:0.5", "a:10:1.2:0.5", "br:-10", "co:1.1", "sa:0.3", "mc:0.5:b3b3b3", "dt:0.7:000:fff", "bl:2"),
    *("sh:1.5", "pix:8", "ush:auto:1:24", "bd:5:face", "dd:1:face", "gr:0.5:0f0:45:0.1:0.9", "wm:0.5:soea:1:2:0.3"),
    *("wmu:aHR0cDovL2gvYQ", "wmt:SGFsbG8", "wms:10:20", "wmr:45", "wmsh:2", "col:0.4:00f:1", "ba:3:0:0:0.5:0.5"),
    *("pbl:8:down:0.2:0.8", "ph:1", "pg:1", "pgs:3", "da:1", "st:Y2lyY2xle30", "vts:1.5", "vtk:1", "vtt:1:3:2:10:10"),
    *("vta:1:100:5:20:20", "f:webp", "f:best", "q:80", "fq:webp:50:avif:40", "aq:ssim:0.02:60:80:0.001", "mb:9000"),
    *("jpgo:1:0:1:1:1:3", "pngo:1:1:16", "webpo:lossy:1:photo", "avifo:444", "sm:1", "kcr:0", "scp:1", "cp:srgb"),
    *(
        "dpi:72",
        "eth:1",
        "skp:gif:png",
        "raw:1",
        "cb:v1",
        "ct:tag1:tag2",
        "exp:99",
        "fn:bmFtZQ:1",
        "att:1",
        "hs:md5:00",
    ),
    *("msr:10", "msfs:1000", "maf:3", "mafr:1", "mrd:500", "fiu:aHR0cDovL2gvYg", "bc:1", "f:blurhash", "f:thumbhash"),
)
