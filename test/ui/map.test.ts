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
