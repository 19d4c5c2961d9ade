// Loads sealed segments until it is killed: node loader-child.mjs COMPILED_ROOT DATA_DIRECTORY. Prints `open` when it begins.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [root, data] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(path.join(root, file)).href);
const [{ openStore }, { nodeDisk }, { systemClock }] = await Promise.all([
  load('store/store.js'),
  load('host/node-disk.js'),
  load('host/clock.js'),
]);
const store = await openStore({
  engine: { path: path.join(data, 'store') },
  disk: nodeDisk,
  clock: systemClock,
  journalDirectory: path.join(data, 'journal'),
});
console.log('open');
setInterval(() => void store.idle(), 1000);
