// The browser that the UI tests drive. CLEW_CHROMIUM, or what the system has; on Debian as root it is installed.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** Path of an executable Chromium, or null. */
export function findChromium() {
  const named = process.env.CLEW_CHROMIUM;
  if (named) return fs.existsSync(named) ? named : null;
  return PLACES.find((place) => fs.existsSync(place)) ?? null;
}

/** Path of Chromium, installed by Debian's apt-get when it is absent and we may; throws with what to do otherwise. */
export function ensureChromium() {
  const found = findChromium();
  if (found) return found;
  const debian = fs.existsSync('/usr/bin/apt-get') && process.getuid?.() === 0 && !process.env.CLEW_CHROMIUM;
  if (debian) {
    console.log('  Chromium is absent: installing it with apt-get (about a minute)');
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const run = (args) => spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env: environment });
    run(['update', '-q']);
    run(['install', '-y', '-q', '--no-install-recommends', 'chromium']);
  }
  const installed = findChromium();
  if (installed) return installed;
  throw new Error(
    process.env.CLEW_CHROMIUM
      ? `CLEW_CHROMIUM names ${process.env.CLEW_CHROMIUM}, which does not exist`
      : 'the UI tests need Chromium: install it (Debian: apt-get install chromium) or set CLEW_CHROMIUM to its path',
  );
}
