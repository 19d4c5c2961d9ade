import fs from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { openBrowser } from '../test/support/ui/browser.ts';
import { TRACE_ODD } from '../test/support/ui/large-traces.ts';
import { startUiServer, type UiServer } from '../test/support/ui/server.ts';

/**
 * Draws every page of the built UI in both themes, wide and narrow, for a person to look at:
 * `node tools/run.mjs tools/screenshots-main.ts [directory]`. Without a directory the few that the documentation shows go to docs/images.
 */

const SIZES = [
  { name: 'wide', width: 1440, height: 900 },
  { name: 'narrow', width: 390, height: 844 },
] as const;

/** Pages in the documentation: wide and light. */
const DOCUMENTED = ['traces', 'trace', 'logs', 'metrics', 'map', 'cycles', 'locks', 'fleet', 'status'];

interface Shot {
  readonly name: string;
  readonly path: (server: UiServer) => string;
  readonly mode?: UiServer['mode'];
  readonly act?: (page: Page) => Promise<void>;
}

const SHOTS: readonly Shot[] = [
  { name: 'traces', path: () => '/traces' },
  { name: 'traces-filtered', path: () => '/traces?service=payment&status=error&attribute=fraud.model%3Dv7' },
  {
    name: 'traces-compared',
    path: () => `/traces?box=${NOW - 2_400_000}_${NOW - 60_000}_400000000_9000000000`,
  },
  { name: 'trace', path: (server) => `/traces/${server.failedTraceId}`, act: (page) => page.keyboard.press('e') },
  { name: 'trace-plain', path: (server) => `/traces/${server.failedTraceId}` },
  { name: 'trace-odd', path: () => `/traces/${TRACE_ODD}` },
  {
    name: 'logs',
    path: () => '/logs',
    act: async (page) => {
      for (const key of ['j', 'j', 'j', 'Enter']) await page.keyboard.press(key);
    },
  },
  { name: 'metrics', path: () => '/charts?name=http.server.request.duration' },
  { name: 'metrics-lines', path: () => '/charts?name=http.server.request.duration&function=p95&groupBy=http.route' },
  { name: 'map', path: () => '/map' },
  { name: 'map-picked', path: () => '/map?picked=cart' },
  { name: 'map-large', path: () => '/map', mode: 'large' },
  { name: 'map-focus', path: () => '/map?focus=service-0001&picked=service-0001', mode: 'large' },
  { name: 'trace-path', path: (server) => `/traces/${server.failedTraceId}?path=1` },
  { name: 'critical-path', path: () => '/critical-path' },
  { name: 'critical-flame', path: () => '/critical-path?show=flame' },
  { name: 'critical-compare', path: () => '/critical-path?show=compare' },
  { name: 'locks', path: () => '/locks' },
  { name: 'locks-empty', path: () => '/locks', mode: 'empty' },
  { name: 'cycles', path: () => '/cycles' },
  { name: 'cycles-large', path: () => '/cycles', mode: 'large' },
  { name: 'fleet', path: () => '/fleet' },
  { name: 'fleet-picked', path: () => '/fleet?node=id-warehouse' },
  { name: 'fleet-alone', path: () => '/fleet', mode: 'empty' },
  { name: 'status', path: () => '/status' },
  { name: 'empty', path: () => '/traces', mode: 'empty' },
  { name: 'failing', path: () => '/traces', mode: 'failing' },
  { name: 'palette', path: () => '/traces', act: (page) => page.keyboard.press('Control+k') },
  { name: 'range', path: () => '/traces', act: (page) => page.keyboard.press('t') },
  { name: 'help', path: () => '/traces', act: (page) => page.keyboard.press('?') },
];

const SETTLE_MS = 700;
/** A fixed moment, so that the same page gives the same picture. */
const NOW = Date.UTC(2026, 2, 2, 9, 30);

const root = process.cwd();
const only = process.argv[3];
const target = process.argv[2];
const server = await startUiServer(path.join(root, 'dist', 'ui'), NOW);
for (const theme of ['light', 'dark'] as const) {
  for (const size of SIZES) {
    if (target === undefined && (theme !== 'light' || size.name !== 'wide')) continue;
    const { context, close } = await openBrowser({ ...size, theme });
    for (const shot of SHOTS) {
      if (target === undefined && !DOCUMENTED.includes(shot.name)) continue;
      if (only !== undefined && !only.split(',').includes(shot.name)) continue;
      const name = target === undefined ? `${shot.name}.png` : `${shot.name}-${size.name}-${theme}.png`;
      await draw(
        context.pages()[0] ?? (await context.newPage()),
        shot,
        path.join(target ?? path.join(root, 'docs', 'images'), name),
      );
    }
    await close();
  }
}
await server.close();

async function draw(page: Page, shot: Shot, file: string): Promise<void> {
  server.mode = shot.mode ?? 'shop';
  await page.clock.setFixedTime(NOW);
  await page.goto(`${server.url}${shot.path(server)}`);
  await page.waitForLoadState('networkidle');
  await shot.act?.(page);
  await page.waitForLoadState('networkidle');
  await page.waitForTimeout(SETTLE_MS);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  await page.screenshot({ path: file });
  console.log(path.relative(root, file));
}
