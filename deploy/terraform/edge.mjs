// Runs the function that CloudFront runs, on requests read from standard input, and writes what became of them.
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';

const { code, requests } = JSON.parse(readFileSync(0, 'utf8'));
const handle = (request) => runInNewContext(`${code};\nhandler(event)`, { event: { request } });
process.stdout.write(JSON.stringify(requests.map(handle)));
