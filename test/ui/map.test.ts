import fs from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser } from '../support/ui/browser.ts';
import { findViolations, watchErrors } from '../support/ui/page.ts';
import { startUiServer, type UiServer } from '../support/ui/server.ts';

/** The map and the cycles in Chromium, before a made-up API. */

let server: UiServer;
let page: Page;
let errors: string[];
let close: () => Promise<void>;

beforeAll(async () => {
  server = await startUiServer(path.join(process.cwd(), 'dist', 'ui'));
  const browser = await openBrowser({ width: 1440, height: 900, theme: 'dark' });
  close = browser.close;
  page = browser.context.pages()[0] ?? (await browser.context.newPage());
  page.setDefaultTimeout(10_000);
  errors = watchErrors(page);
});
afterAll(async () => {
  await close?.();
  await server?.close();
});

const search = () => new URL(page.url()).searchParams;

describe('the map', () => {
  test('shows the circle at a glance, opens a service with the keyboard, and leads to its traces', async () => {
    server.mode = 'shop';
    await page.goto(`${server.url}/map`);
    await page.getByText('calls in a circle').waitFor();
    const cart = page.getByRole('button', { name: /^service cart:/ });
    await cart.focus();
    await page.keyboard.press('Enter');
    expect(search().get('picked')).toBe('cart');
    await page.getByRole('link', { name: 'Traces' }).last().click();
    expect(search().get('service')).toBe('cart');
    await page.locator('main tbody tr').first().waitFor();
    expect(errors).toEqual([]);
  });

  test('of 1,200 services is readable: few boxes, one for the tangle, a search that focuses', async () => {
    server.mode = 'large';
    await page.goto(`${server.url}/map`);
    await page.getByRole('button', { name: 'Open 418 in cycles' }).waitFor();
    const boxes = page.locator('svg [role=button]');
    expect(await boxes.count()).toBeLessThan(90);
    const box = page.getByLabel('Focus on a service');
    await box.fill('service-0999');
    await box.press('Enter');
    expect(search().get('focus')).toBe('service-0999');
    await page.getByRole('button', { name: /^service service-0999:/ }).waitFor();
    expect(await boxes.count()).toBeLessThan(30);
    await box.fill('nobody');
    await box.press('Enter');
    await page.getByText('no service is called nobody').waitFor();
    expect(await findViolations(page)).toEqual([]);
    expect(errors).toEqual([]);
  });
});

describe('the map through time', () => {
  test('a slider shows a minute of it with the boxes where they were, by keyboard too, and goes back to the whole', async () => {
    server.mode = 'shop';
    await page.goto(`${server.url}/map`);
    const cart = page.getByRole('button', { name: /^service cart:/ });
    const whole = await cart.getAttribute('aria-label');
    const place = await cart.getAttribute('transform');
    const slider = page.getByRole('slider', { name: 'Show the map at a time' });
    await slider.focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowLeft');
    await expect.poll(() => search().get('at')).toMatch(/^\d{13}$/);
    await expect.poll(() => cart.getAttribute('aria-label')).not.toBe(whole);
    expect(await cart.getAttribute('transform')).toBe(place);
    const at = Number(search().get('at'));
    expect(server.asked.some((address) => address.includes(`/graph?start=${at}&end=${at + 60_000}`))).toBe(true);
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Whole time' }).click();
    await expect.poll(() => search().get('at')).toBe(null);
    await expect.poll(() => cart.getAttribute('aria-label')).toBe(whole);
    expect(errors).toEqual([]);
  });

  test('is exported as the picture that is seen, for Graphviz and as JSON', async () => {
    server.mode = 'shop';
    await page.goto(`${server.url}/map?focus=cart`);
    await page.getByRole('button', { name: /^service cart:/ }).waitFor();
    const saved = async (name: string): Promise<{ name: string; text: string }> => {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name, exact: true }).click(),
      ]);
      return { name: download.suggestedFilename(), text: fs.readFileSync(await download.path(), 'utf8') };
    };
    const svg = await saved('SVG');
    expect(svg.name).toMatch(/^calls-\d{8}T\d{4}\.svg$/);
    expect(svg.text).not.toMatch(/class=|var\(/);
    // It is a picture by itself: drawn in a page without any style it has the colours of the map.
    const alone = await page.context().newPage();
    await alone.goto(`data:image/svg+xml,${encodeURIComponent(svg.text)}`);
    expect(await alone.locator('text').allTextContents()).toContain(' cart');
    expect(await alone.locator('rect').first().getAttribute('fill')).toMatch(/^rgb/);
    await alone.close();
    expect(server.asked.at(-1)).not.toContain('format=');
    await saved('DOT');
    expect(server.asked.at(-1)).toMatch(/graph\?.*format=dot/);
    expect(server.asked.at(-1)).toMatch(/service=cart&hops=1/);
    const json = JSON.parse((await saved('JSON')).text) as { nodes: { service: string }[] };
    expect(json.nodes.map(({ service }) => service)).toContain('cart');
    expect(errors).toEqual([]);
  });
});

describe('the cycles', () => {
  test('are drawn with the cut, and by operation', async () => {
    server.mode = 'shop';
    await page.goto(`${server.url}/cycles`);
    await page.getByText('Break this call and no cycle is left').waitFor();
    await page.getByRole('img', { name: 'Cycle of cart, catalog, pricing, cart' }).first().waitFor();
    await page.getByRole('button', { name: 'Operations' }).click();
    await page.getByText('cart: GET /cart → catalog: GET /catalog').first().waitFor();
    await page.getByRole('link', { name: 'on the map' }).first().click();
    await page.getByRole('button', { name: /^service cart:/ }).waitFor();
    expect(errors).toEqual([]);
  });

  test('say so when there are none', async () => {
    server.mode = 'empty';
    await page.goto(`${server.url}/cycles`);
    await page.getByText('No service calls itself in a circle').waitFor();
    expect(await findViolations(page)).toEqual([]);
    server.mode = 'shop';
  });
});
