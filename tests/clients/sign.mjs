// Writes and signs URLs with imgproxy's own JavaScript client.
//
// Standard input: {"shared": {endpoint, key, salt, …}, "pictures": [{url, options, …}, …]}, as the client takes them.
// Standard output: the URLs as a JSON list, in the same order.
import { readFileSync } from "node:fs";
import { generateImageInfoUrl, generateImageUrl } from "@imgproxy/imgproxy-node";

const { shared, pictures } = JSON.parse(readFileSync(0, "utf8"));
const urls = pictures.map(({ info, ...one }) => (info ? generateImageInfoUrl : generateImageUrl)({ ...shared, ...one }));
process.stdout.write(JSON.stringify(urls));
