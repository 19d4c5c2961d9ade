/** A certificate authority of the test's own and a certificate for this machine, signed by it. */
import fs from 'node:fs';
import path from 'node:path';
import { generate } from 'selfsigned';
import type { TlsFiles } from './clew.ts';

export async function writeCertificates(directory: string): Promise<TlsFiles> {
  const authority = await generate([{ name: 'commonName', value: 'clew test authority' }], {
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    algorithm: 'sha256',
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  const write = (name: string, pem: string): string => {
    const file = path.join(directory, name);
    fs.writeFileSync(file, pem);
    return file;
  };
  return {
    cert: write('server.pem', server.cert),
    key: write('server.key', server.private),
    ca: write('authority.pem', authority.cert),
  };
}
