import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningClew, startClew, waitUntil } from '../support/clew.ts';
import { openBrowser } from '../support/ui/browser.ts';
import { feedLargeTrace, feedShop } from '../support/ui/feed.ts';
import { TRACE_10K } from '../support/ui/large-traces.ts';
import { findViolations, watchErrors } from '../support/ui/page.ts';

/** The UI as a running Clew serves it, on data that came in through its doors. */

const TRACES = 150;
let clew: RunningClew;
let page: Page;
let errors: string[];
let failedTraceId: string;
let close: () => Promise<void>;

beforeAll(async () => {
  clew = await startClew();
  const nowMs = Date.now();
  ({ failedTraceId } = await feedShop(clew.url.http, TRACES, nowMs));
  await feedLargeTrace(clew.url.http, TRACE_10K, 10_000, nowMs);
  await waitUntil('the last trace that was sent', 20_000, async () => {
    const [[count]] = await clew.sql(`SELECT count() FROM otel_traces WHERE TraceId = '${TRACE_10K}'`);
    return Number(count) === 10_000 ? true : null;
  });
  const browser = await openBrowser({ width: 1440, height: 900, theme: 'dark' });
  close = browser.close;
  page = browser.context.pages()[0] ?? (await browser.context.newPage());
  page.setDefaultTimeout(15_000);
  errors = watchErrors(page);
});

afterAll(async () => {
  await close?.();
  await clew?.stop();
});

async function expectClean(): Promise<void> {
  expect(await page.getByRole('alert').count()).toBe(0);
  expect(await findViolations(page)).toEqual([]);
  expect(errors).toEqual([]);
}

test('the traces that were sent are found, filtered by a facet, and opened', async () => {
  await page.goto(`${clew.url.api}/`);
  await page.getByText(`${TRACES + 1} traces`).waitFor();
  await page
    .getByRole('button', { name: /^error / })
    .first()
    .click();
  await page.getByText('status error').waitFor();
  await expectClean();
  await page.goto(`${clew.url.api}/traces/${failedTraceId}`);
  await page.getByRole('tree').waitFor();
  await page.keyboard.press('e');
  await page.getByText('upstream answered 502').first().waitFor();
  await page.getByRole('tab', { name: 'Logs' }).click();
  await page.getByText('card issuer did not answer').first().waitFor();
  await expectClean();
});

test('a trace of 10,000 spans is shown whole', async () => {
  await page.goto(`${clew.url.api}/traces/${TRACE_10K}`);
  await page.getByRole('treeitem').first().waitFor();
  expect(await page.locator('main header').textContent()).toContain('10,000');
  await expectClean();
});

test('the logs that were sent are listed, searched, and lead to their traces', async () => {
  await page.goto(`${clew.url.api}/logs?severity=error`);
  await page.getByText('card issuer did not answer').first().waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.getByText('code.function.name').first().waitFor();
  await expectClean();
});

test('each metric that was sent is drawn, and an exemplar opens its trace', async () => {
  await page.goto(`${clew.url.api}/charts?name=http.server.request.duration`);
  await page.getByRole('img', { name: 'Distribution of the values over time' }).waitFor();
  await page
    .getByRole('link', { name: /open the trace/ })
    .first()
    .waitFor();
  for (const name of ['shop.orders', 'process.cpu.utilization']) {
    await page.getByRole('button', { name: new RegExp(`^${name}`) }).click();
    await page.getByRole('img', { name: `${name} over time` }).waitFor();
  }
  await expectClean();
});

test('the status tells what arrived', async () => {
  await page.goto(`${clew.url.api}/status`);
  await page.getByText('otel_traces', { exact: true }).waitFor();
  await page.getByText(clew.url.http).first().waitFor();
  await expectClean();
});
