import fs from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

/** What the tests of the UI ask a page. Scripts are text: this side of the tests knows no DOM. */

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds wrong with the page as it is, one line each. With `rule` it looks for that only. */
export async function findViolations(page: Page, rule?: string): Promise<readonly string[]> {
  const only = rule === undefined ? '' : `, runOnly: ['${rule}']`;
  await page.evaluate(AXE);
  const found = await page.evaluate(
    `axe.run(document, { resultTypes: ['violations']${only} }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html, any }) => html.slice(0, 160) + ' ' + (any[0]?.message ?? '')).join(' | ')))`,
  );
  return found as readonly string[];
}

/** Collects what the page says is wrong: console errors and uncaught exceptions. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('console', (message) => {
    // A refused request is told by the browser itself; the page shows it, and the tests ask for it.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error.stack ?? error)));
  return errors;
}

export interface FrameTimes {
  readonly frames: number;
  readonly longestMs: number;
  readonly medianMs: number;
}

/** Scrolls an element from its top to its bottom in `steps` frames and answers how long the frames took. */
export async function scrollThrough(page: Page, selector: string, steps: number): Promise<FrameTimes> {
  const times = (await page.evaluate(`new Promise((resolve) => {
    const element = document.querySelector(${JSON.stringify(selector)});
    const step = (element.scrollHeight - element.clientHeight) / ${steps};
    const times = [];
    let before = performance.now();
    const frame = () => {
      const now = performance.now();
      times.push(now - before);
      before = now;
      element.scrollTop += step;
      if (times.length <= ${steps}) requestAnimationFrame(frame); else resolve(times);
    };
    requestAnimationFrame(frame);
  })`)) as readonly number[];
  const sorted = [...times].sort((a, b) => a - b);
  return {
    frames: times.length,
    longestMs: sorted[sorted.length - 1],
    medianMs: sorted[Math.floor(sorted.length / 2)],
  };
}
