// Runs at the edge before the cache is asked. It decides nothing: it only makes few spellings of many, so that requests
// which get the same answer share one cache entry. Terraform fills in the four values below.

const FORMATS = ${formats};
const PARAMETERS = ${parameters};
const MOUNT = ${mount};
const CLIENT_HINTS = ${client_hints};

const QUALITY_ZERO = /^q\s*=\s*0(\.0{0,3})?\s*$/i;

function named(accept) {
  const found = {};
  for (const part of accept.split(',')) {
    const pieces = part.split(';').map((piece) => piece.trim());
    if (!pieces.slice(1).some((piece) => QUALITY_ZERO.test(piece))) {
      found[pieces[0].toLowerCase()] = true;
    }
  }
  return FORMATS.filter((format) => found[format]);
}

// Browsers spell Accept in dozens of ways; only which of the negotiated formats it names makes a difference.
function settleAccept(headers) {
  const given = headers.accept;
  if (!given) {
    return;
  }
  const value = given.multiValue ? given.multiValue.map((one) => one.value).join(',') : given.value;
  const formats = named(value);
  if (formats.length) {
    headers.accept = { value: formats.join(',') };
  } else {
    delete headers.accept;
  }
}

// The service takes the old names only where the new ones are missing.
function settleHints(headers) {
  for (const [name, former] of [['sec-ch-dpr', 'dpr'], ['sec-ch-width', 'width']]) {
    if (!CLIENT_HINTS) {
      delete headers[name];
    }
    if (!CLIENT_HINTS || (headers[name] && headers[name].value)) {
      delete headers[former];
    }
  }
}

function settleQuery(request) {
  const kept = {};
  if (request.uri.startsWith(MOUNT)) {
    for (const name of Object.keys(request.querystring).sort()) {
      if (PARAMETERS.includes(name)) {
        kept[name] = request.querystring[name];
      }
    }
  }
  request.querystring = kept;
}

function handler(event) {
  const request = event.request;
  settleAccept(request.headers);
  settleHints(request.headers);
  settleQuery(request);
  return request;
}
