/** A bar chart as SVG, readable in light and dark: medians as bars, the span from least to most as a line. */
import type { PeerResult } from './peers.ts';

const WIDTH = 720;
const LABEL = 260;
const ROW = 30;
const BAR = 16;
const TOP = 44;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const thousands = (value: number): string => `${Math.round(value / 1000)} k`;

/** @param title what the bars count, and of which machine */
export function peerChart(title: string, results: readonly PeerResult[]): string {
  const sorted = [...results].sort((a, b) => a.job.localeCompare(b.job) || b.median - a.median);
  const most = Math.max(1, ...sorted.map(({ max }) => max));
  const scale = (value: number): number => Math.round((value / most) * (WIDTH - LABEL - 70));
  const height = TOP + sorted.length * ROW + 10;
  const rows = sorted.map(({ name, job, median, min, max }, i) => {
    const y = TOP + i * ROW;
    const middle = y + BAR / 2;
    return (
      `<text x="${LABEL - 8}" y="${middle + 4}" text-anchor="end">${escaped(`${name}: ${job}`)}</text>` +
      `<rect x="${LABEL}" y="${y}" width="${scale(median)}" height="${BAR}" fill="${name === 'Clew' ? '#2f7ed8' : '#8a94a3'}"/>` +
      `<path d="M${LABEL + scale(min)} ${middle}H${LABEL + scale(max)}" stroke="#d97706" stroke-width="2"/>` +
      `<text x="${LABEL + scale(max) + 8}" y="${middle + 4}">${thousands(median)}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#6b7280">` +
    `<text x="8" y="20" font-size="14">${escaped(title)}</text>${rows.join('')}</svg>\n`
  );
}
