// Writes what is made from the settings table: clew.schema.json (for editors, shipped) and, with --docs, docs/configuration.md.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './steps.mjs';

const { jsonSchema, referencePage } = await import(path.join(root, 'dist/main/reference.js'));
fs.writeFileSync(path.join(root, 'clew.schema.json'), `${JSON.stringify(jsonSchema(), null, 2)}\n`);
if (process.argv.includes('--docs')) fs.writeFileSync(path.join(root, 'docs/configuration.md'), referencePage());
