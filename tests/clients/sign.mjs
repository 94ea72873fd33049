// Writes and signs URLs with imgproxy's own JavaScript client.
//
// Standard input: {"shared": {endpoint, key, salt, …}, "pictures": [{url, options, …}, …]}, as imgproxy-node takes them,
// or as the core does, which alone knows file names and presets-only servers, where there is `core`: {url, settings}.
// Standard output: a JSON list in the same order: {url}, or {error} where the client refuses.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { generateImageInfoUrl as coreInfoPath, generateUrl as corePath, INFO_PREFIX } from "@imgproxy/imgproxy-js-core";
import { generateImageInfoUrl, generateImageUrl } from "@imgproxy/imgproxy-node";

function signed({ endpoint, key, salt }, prefix, path) {
  const signature = createHmac("sha256", Buffer.from(key, "hex")).update(Buffer.from(salt, "hex")).update(path);
  return `${endpoint}${prefix}/${signature.digest("base64url")}${path}`;
}

function written({ info, core, ...one }) {
  if (!core) return (info ? generateImageInfoUrl : generateImageUrl)(one);
  return signed(one, info ? INFO_PREFIX : "", (info ? coreInfoPath : corePath)(core.url, one.options, core.settings));
}

function tried(one) {
  try {
    return { url: written(one) };
  } catch (error) {
    return { error: error.message };
  }
}

const { shared, pictures } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(pictures.map((one) => tried({ ...shared, ...one }))));
