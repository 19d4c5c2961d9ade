import fs from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openBrowser } from '../support/ui/browser.ts';
import { TRACE_10K, TRACE_100K, TRACE_ODD } from '../support/ui/large-traces.ts';
import { findViolations, scrollThrough, watchErrors } from '../support/ui/page.ts';
import { startUiServer, type UiServer } from '../support/ui/server.ts';

/** The built UI in Chromium, before a made-up API. */

const BUILT = path.join(process.cwd(), 'dist', 'ui');
let server: UiServer;
let page: Page;
let errors: string[];
let close: () => Promise<void>;

beforeAll(async () => {
  if (!fs.existsSync(path.join(BUILT, 'index.html'))) throw new Error('dist/ui is not built: npm run build');
  server = await startUiServer(BUILT);
  const browser = await openBrowser({ width: 1440, height: 900, theme: 'light' });
  close = browser.close;
  page = browser.context.pages()[0] ?? (await browser.context.newPage());
  page.setDefaultTimeout(10_000);
  errors = watchErrors(page);
});

afterAll(async () => {
  await close?.();
  await server?.close();
});

beforeEach(async () => {
  server.mode = 'shop';
  errors.length = 0;
  await page.emulateMedia({ colorScheme: 'light' });
});

async function open(address: string): Promise<void> {
  await page.goto(`${server.url}${address}`);
  await page.locator('main :is(table, ol, [role=tree], canvas, figure, p)').first().waitFor();
}

const search = () => new URL(page.url()).searchParams;
const place = () => new URL(page.url()).pathname;
const rows = () => page.locator('main tbody tr:not([aria-hidden])');
const selected = () => page.locator('[role=treeitem][aria-selected=true]');

describe('every page', () => {
  const pages: readonly (readonly [string, () => string, string])[] = [
    ['Traces', () => '/traces', 'POST /checkout'],
    ['Traces with filters', () => '/traces?service=payment&status=error&minDuration=1ms', 'duration ≥'],
    ['Trace', () => `/traces/${server.failedTraceId}?tab=events`, 'Duration'],
    ['Trace with marks', () => `/traces/${TRACE_ODD}?span=0000000000000001&tab=raw`, 'waits for its parent'],
    ['Logs', () => '/logs', 'answered in'],
    ['Metrics', () => '/charts?name=http.server.request.duration', 'Duration of HTTP server requests.'],
    ['Metrics as lines', () => '/charts?name=http.server.request.duration&function=p95&groupBy=http.route', 'Least'],
    ['Map', () => '/map?picked=cart', 'Called by'],
    ['Critical path', () => '/critical-path', 'Share of waiting'],
    ['Critical path, flame graph', () => '/critical-path?show=flame', 'belongs to exactly one row'],
    ['Critical path, before and after', () => '/critical-path?show=compare', 'Change per request'],
    ['Locks', () => '/locks', 'can deadlock at the load that was there'],
    ['Cycles', () => '/cycles', 'no cycle is left'],
    ['Fleet', () => '/fleet', 'warehouse: is silent'],
    ['Fleet with one picked', () => '/fleet?node=id-warehouse', 'connect ECONNREFUSED'],
    ['Status', () => '/status', 'All is well'],
  ];
  for (const [name, address, text] of pages) {
    test(`${name} shows its data, says nothing on the console, and axe-core finds nothing in either theme`, async () => {
      await open(address());
      await page.waitForLoadState('networkidle');
      expect(await page.locator('main').textContent()).toContain(text);
      expect(await findViolations(page)).toEqual([]);
      // Only the colours depend on the theme.
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await findViolations(page, 'color-contrast')).toEqual([]);
      expect(errors).toEqual([]);
    });
  }

  test('an address that is no page says so', async () => {
    await open('/nowhere');
    expect(await page.locator('main').textContent()).toContain('There is no such page');
  });
});

describe('without data', () => {
  for (const address of ['/traces', '/logs', '/charts']) {
    test(`${address} says what to set, with the addresses of this Clew, ready to copy`, async () => {
      server.mode = 'empty';
      await open(address);
      await page.getByText('OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318').waitFor();
      expect(await findViolations(page)).toEqual([]);
      await page.getByRole('button', { name: 'Copy' }).first().click();
      await page.getByText('Copied').waitFor();
      expect(await page.evaluate('navigator.clipboard.readText()')).toContain(
        'OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
      );
    });
  }

  test('filters that match nothing can be removed at once', async () => {
    await open('/traces?service=payment&operation=no%20such');
    await page.getByRole('button', { name: 'Remove the filters' }).click();
    await rows().first().waitFor();
    expect([...search().keys()]).toEqual([]);
  });
});

describe('when the API fails', () => {
  for (const address of ['/traces', '/logs', '/charts', '/status', `/traces/${TRACE_ODD}`]) {
    test(`${address} says what failed, why and what to try, and tries again`, async () => {
      server.mode = 'failing';
      await page.goto(`${server.url}${address}`);
      const alert = page.getByRole('alert');
      await alert.waitFor();
      expect(await alert.textContent()).toMatch(
        /could not be read[\s\S]*The store is starting\.[\s\S]*busy or starting/,
      );
      expect(await findViolations(page)).toEqual([]);
      server.mode = 'shop';
      await page.getByRole('button', { name: 'Try again' }).click();
      await page.locator('main :is(table, ol, [role=tree], canvas)').first().waitFor();
      expect(await alert.count()).toBe(0);
    });
  }

  test('a trace that is not there is told apart from a failure', async () => {
    await page.goto(`${server.url}/traces/${'f'.repeat(32)}`);
    await page.getByText('There is no trace with this id').waitFor();
  });
});

describe('by keyboard', () => {
  test('j and k walk the traces, Enter opens one, Back returns to the same row', async () => {
    await open('/traces');
    for (const key of ['j', 'j', 'j', 'k']) await page.keyboard.press(key);
    await expect.poll(() => search().get('sel')).toMatch(/^[0-9a-f]{32}$/);
    const chosen = search().get('sel');
    await page.keyboard.press('Enter');
    await page.getByRole('tree').waitFor();
    expect(place()).toBe(`/traces/${chosen}`);
    await page.goBack();
    await rows().first().waitFor();
    expect(search().get('sel')).toBe(chosen);
  });

  test('Ctrl-K finds services and pages, opens a pasted trace id, and gives the focus back', async () => {
    await open('/traces');
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog', { name: 'Search' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.keyboard.type('payment');
    await page.getByRole('option', { name: 'payment service' }).waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(() => search().get('service')).toBe('payment');
    await page.keyboard.press('Control+k');
    await page.keyboard.type(TRACE_ODD.toUpperCase());
    await page.keyboard.press('Enter');
    await page.getByRole('tree').waitFor();
    expect(place()).toBe(`/traces/${TRACE_ODD}`);
  });

  test('/ goes to the filter; what is typed becomes a filter, and what is none is told', async () => {
    await open('/traces');
    await page.keyboard.press('/');
    await page.keyboard.type('duration>20ms');
    await page.keyboard.press('Enter');
    await expect.poll(() => search().get('minDuration')).toBe('20ms');
    await page.keyboard.type('nonsense');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('key=value').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('? shows the keys, Escape closes them, digits go to the places, t opens the time range', async () => {
    await open('/traces');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    await page.keyboard.press('2');
    await expect.poll(place).toBe('/logs');
    await page.keyboard.press('t');
    await page.getByRole('dialog', { name: 'Time range' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: '15m', exact: true }).click();
    expect(search().get('start')).toBe('now-15m');
  });

  test('a trace is walked, folded, searched and left by keyboard', async () => {
    await open(`/traces/${TRACE_ODD}`);
    await page.keyboard.press('j');
    expect(await selected().textContent()).toContain('GET /orders/report');
    const before = await page.getByRole('treeitem').count();
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => page.getByRole('treeitem').count()).toBeLessThan(before);
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.getByRole('treeitem').count()).toBe(before);
    await page.keyboard.press('e');
    await expect.poll(() => selected().textContent()).toContain('audit');
    await page.keyboard.press('/');
    await page.keyboard.type('format again');
    await page.getByText('1 of 248').waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(() => selected().textContent()).toContain('format again');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await expect.poll(() => selected().count()).toBe(0);
    expect(errors).toEqual([]);
  });

  test('a log record opens to its fields and its trace', async () => {
    await open('/logs');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByText('code.function.name').first().waitFor();
    expect(search().get('open')).toBe(search().get('sel'));
    expect(await findViolations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await expect.poll(() => search().get('open')).toBe(null);
    await page
      .getByRole('link', { name: /^Open the trace/ })
      .first()
      .click();
    await page.getByRole('tree').waitFor();
    await expect.poll(() => selected().count()).toBe(1);
  });
});

describe('the URL is the state', () => {
  test('facets filter, chips unfilter, and Back undoes each step', async () => {
    await open('/traces');
    await page
      .getByRole('button', { name: /^payment / })
      .first()
      .click();
    await page.getByText('service payment').waitFor();
    await page.getByRole('button', { name: /^error / }).click();
    await expect.poll(() => search().toString()).toBe('service=payment&status=error');
    await page.goBack();
    await expect.poll(() => search().toString()).toBe('service=payment');
    await page.getByRole('button', { name: 'Remove filter service payment' }).click();
    await expect.poll(() => search().toString()).toBe('');
    await page.goBack();
    await expect.poll(() => search().toString()).toBe('service=payment');
  });

  test('a drag over the scatter compares its traces with the others; each difference filters, and one can zoom in', async () => {
    await open('/traces');
    const canvas = page.getByRole('img', { name: /^Duration of each trace/ });
    const box = await canvas.boundingBox();
    if (box === null) throw new Error('the scatter has no place');
    await page.mouse.move(box.x + box.width * 0.3, box.y + 5);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.95, box.y + box.height * 0.4, { steps: 4 });
    await page.mouse.up();
    await page.getByText('the greatest difference first').waitFor();
    expect(search().get('box')).toMatch(/^\d{13}_\d{13}_\d+_\d+$/);
    const only = page.getByRole('complementary', { name: 'Selected traces' }).getByRole('listitem').first();
    expect(await findViolations(page)).toEqual([]);
    const title = await only.getByRole('button').first().getAttribute('title');
    const [, value] = /^Only traces with [^=]+=([^:]+):/.exec(title ?? '') ?? [];
    await only.getByRole('button', { name: /^Without / }).click();
    await expect.poll(() => [...search().getAll('exclude'), ...search().getAll('attribute')].join()).toContain(value);
    await page.goBack();
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await expect.poll(() => [...search().keys()].sort()).toEqual(['end', 'maxDuration', 'minDuration', 'start']);
    await rows().first().waitFor();
  });

  test('a facet is filtered out at one click, in the address, in a chip and in what is asked', async () => {
    await open('/traces');
    await page.getByRole('button', { name: 'Without service=payment' }).click();
    await page.getByText('service ≠ payment').waitFor();
    expect(search().getAll('exclude')).toEqual(['service=payment']);
    await expect
      .poll(() =>
        server.asked.some((address) => address.includes('/traces?') && address.includes('exclude=service%3Dpayment')),
      )
      .toBe(true);
    await page.getByRole('button', { name: 'Remove filter service ≠ payment' }).click();
    await expect.poll(() => search().toString()).toBe('');
  });

  test('a drag over the histogram of logs zooms, and the range goes along to other places', async () => {
    await open('/logs');
    const box = await page.getByRole('img', { name: /^Log records over time/ }).boundingBox();
    if (box === null) throw new Error('the histogram has no place');
    await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + 20, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => search().get('start')).toMatch(/^\d{13}$/);
    const { start, end } = Object.fromEntries(search());
    expect(Math.round((Number(end) - Number(start)) / 60_000)).toBe(15);
    await page.getByRole('link', { name: 'Traces' }).click();
    expect(search().get('start')).toBe(start);
    await page.getByRole('button', { name: 'Earlier' }).click();
    await expect.poll(() => Number(search().get('end'))).toBe(Number(start) + (Number(end) - Number(start)) / 2);
  });

  test('a link to a span that is folded away shows it, with the tab that was open', async () => {
    await open(`/traces/${TRACE_ODD}?span=${(1100).toString(16).padStart(16, '0')}&tab=resource`);
    await expect.poll(() => selected().count()).toBe(1);
    expect(await selected().textContent()).toContain('SELECT order_lines');
    expect(await page.getByRole('tab', { name: 'Resource' }).getAttribute('aria-selected')).toBe('true');
    expect(
      (await page.getByRole('treeitem').filter({ hasText: '×240' }).count()) +
        (await page.getByRole('treeitem').count()),
    ).toBeGreaterThan(20);
  });

  test('an attribute of a span is a filter of Traces at one click', async () => {
    await open(`/traces/${server.failedTraceId}`);
    await page.keyboard.press('j');
    await page.getByRole('link', { name: '/checkout', exact: true }).click();
    await rows().first().waitFor();
    expect(search().get('attribute')).toBe('http.route=/checkout');
    await open(`/traces/${server.failedTraceId}`);
    await page.keyboard.press('j');
    await page.getByRole('link', { name: 'without http.route=/checkout' }).click();
    await page.getByText('http.route ≠ /checkout').waitFor();
    expect(search().get('attribute')).toBe('http.route!=/checkout');
  });

  test('live asks again by itself, and stops', async () => {
    await open('/logs?live=1');
    const before = server.asked.length;
    await expect.poll(() => server.asked.length, { timeout: 6_000 }).toBeGreaterThan(before);
    await page.getByRole('button', { name: 'Live tail' }).click();
    expect(search().get('live')).toBe(null);
  });

  test('the theme is kept over a reload', async () => {
    await open('/status');
    await page.getByRole('button', { name: /^Theme: system/ }).click();
    await page.getByRole('button', { name: /^Theme: light/ }).click();
    await page.reload();
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    await page.getByRole('button', { name: /^Theme: dark/ }).click();
  });
});

describe('large traces', () => {
  // Times depend on the machine, so the bounds are wide; the figures are printed for people.
  const cases = [
    ['10,000', TRACE_10K, 4_000, 400],
    ['100,000', TRACE_100K, 20_000, 800],
  ] as const;
  for (const [count, traceId, openMsMax, frameMsMax] of cases) {
    test(`a trace of ${count} spans opens, scrolls and is searched`, async () => {
      const startedAt = performance.now();
      await page.goto(`${server.url}/traces/${traceId}`);
      await page.getByRole('treeitem').first().waitFor({ timeout: 30_000 });
      const openMs = performance.now() - startedAt;
      const times = await scrollThrough(page, 'div:has(> [role=tree])', 120);
      console.log(
        `    ${count} spans: shown after ${openMs.toFixed(0)} ms; ${times.frames} frames of scrolling, median ${times.medianMs.toFixed(1)} ms, longest ${times.longestMs.toFixed(1)} ms`,
      );
      expect(await page.getByRole('treeitem').count()).toBeGreaterThan(20);
      expect(openMs).toBeLessThan(openMsMax);
      expect(times.longestMs).toBeLessThan(frameMsMax);
      await page.keyboard.press('/');
      await page.keyboard.type('item.number=77');
      await page.keyboard.press('Enter');
      await expect.poll(() => selected().count()).toBe(1);
      expect(errors).toEqual([]);
    });
  }
});
