import http from 'node:http';
import https from 'node:https';
import { LIMITS } from '../base/limits.ts';
import { readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { clientHost } from './addresses.ts';
import type { Secrets } from './secrets.ts';
import type { Settings } from './settings.ts';

/** One question to the API or admin port of the Clew that runs with this configuration. Resolves with the JSON of its answer; rejects with why there is none. */
export async function askRunning(
  settings: Settings,
  { tokens }: Pick<Secrets, 'tokens'>,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const cert = settings['tls.cert'];
  const ca = cert === null ? undefined : Buffer.from(await readWhole(nodeDisk, cert));
  const url = `${cert === null ? 'http' : 'https'}://${clientHost(settings.host)}:${settings['api.port']}${path}`;
  const [token] = tokens;
  const options: https.RequestOptions = {
    method: body === undefined ? 'GET' : 'POST',
    timeout: LIMITS.requestTimeoutMs,
    headers: {
      connection: 'close',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(ca === undefined ? {} : { ca }),
  };
  return new Promise((resolve, reject) => {
    const request = (cert === null ? http : https).request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${url} answers ${response.statusCode}: ${text.slice(0, 300)}`));
      });
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', (error) => reject(new Error(`no Clew answers on ${url}: ${error.message}`)));
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
