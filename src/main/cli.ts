#!/usr/bin/env node
// Says clearly when this Node is too old, before anything is loaded that such a Node cannot read.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `clew: Node ${process.versions.node} is too old: it needs Node 20.19 or newer (https://nodejs.org)\n`,
  );
  process.exit(1);
}

const [first, role] = process.argv.slice(2);
if (first === 'child' && role === 'receiver') (await import('./receiver-process.ts')).runReceiver();
else if (first === 'child' && role === 'sender') (await import('./sender-process.ts')).runSender();
else if (first === 'child' && role === 'store') (await import('./store-process.ts')).runStore();
else if (first === 'history')
  process.exitCode = await (await import('./history-command.ts')).runHistory(process.argv.slice(3));
else await (await import('./command.ts')).runCommand(process.argv.slice(2));
