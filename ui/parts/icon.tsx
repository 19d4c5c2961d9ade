/** Inline drawings on a 16 px grid, drawn with the colour of the text beside them. */
const PATHS = {
  traces: 'M2 3.500h8M5 8h9M8 12.500h6',
  logs: 'M2.500 3.500h11M2.500 6.500h11M2.500 9.500h7M2.500 12.500h9',
  metrics: 'M2 13.500h12M2.500 10.500l3.500-4 3 2.500 4.500-6',
  status: 'M1.500 8h3l2-5 3 10 2-5h3',
  fleet: 'M2 2.500h3.500v3H2zM2 10.500h3.500v3H2zM10.500 6.500H14v3h-3.500zM5.500 4h2.500v8H5.500M8 8h2.500',
  map: 'M2.500 6h4v4h-4zM10 2.500h3.500V6H10zM10 10h3.500v3.500H10zM6.500 7.500L10 4.500M6.500 8.500l3.500 3',
  cycle: 'M12.700 6A5 5 0 0 0 3.500 6M3.300 10a5 5 0 0 0 9.200 0M3.300 3v3h3M12.700 13v-3h-3',
  cut: 'M4.500 13a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM11.500 13a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM5.500 9.300L10.500 2M10.500 9.300L5.500 2',
  path: 'M2 4h5v4h4v4h3M2 8h2.500M9 4h5M2 12h6',
  lock: 'M3.500 7.500h9v6h-9zM5.500 7.500V5a2.500 2.500 0 0 1 5 0v2.500M8 10v1.500',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.700 10.700L14 14',
  left: 'M10 3L5 8l5 5',
  right: 'M6 3l5 5-5 5',
  down: 'M3 6l5 5 5-5',
  close: 'M3.500 3.500l9 9M12.500 3.500l-9 9',
  refresh: 'M13 8a5 5 0 1 1-1.500-3.600M13 2v3h-3',
  live: 'M5 3.500l7.500 4.500L5 12.500z',
  pause: 'M5.500 3.500v9M10.500 3.500v9',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1',
  moon: 'M13 9.500A5.500 5.500 0 0 1 6.500 3 5.500 5.500 0 1 0 13 9.500z',
  auto: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 2v12M8 5h4.800M8 8h6M8 11h4.800',
  copy: 'M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3',
  check: 'M3 8.500l3.500 3.500L13 4.500',
  error: 'M8 1.800l6.500 11.700h-13zM8 6v4M8 11.500v.6',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.500V8l2.500 1.500',
  help: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.200 6.300a1.800 1.800 0 1 1 2.600 1.600c-.6.300-.8.600-.8 1.200M8 11v.5',
  panel: 'M2 3h12v10H2zM6 3v10',
  filter: 'M2 3.500h12L9.500 9v4.500l-3-1.500V9z',
  out: 'M9 3h4v4M13 3L7.500 8.500M11 9.500V13H3V5h3.500',
  zoomOut: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.700 10.700L14 14M5 7h4',
  skew: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3H5',
  orphan: 'M4 4.500h3M4 11.500h8M8 4.500l1.500-1.500M8 4.500L9.500 6M12 3v3',
  without: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM3.800 12.200l8.400-8.400',
  column: 'M2.500 3h11v10h-11zM8 3v10',
} as const;

export type IconName = keyof typeof PATHS;

/** With `label` the drawing has a name of its own; without, the text beside it says what it means. */
export function Icon({
  name,
  label,
  size = 14,
}: {
  readonly name: IconName;
  readonly label?: string;
  readonly size?: number;
}) {
  const common = {
    width: size,
    height: size,
    viewBox: '0 0 16 16',
    fill: 'none',
    stroke: 'currentColor',
    strokeWidth: 1.5,
    strokeLinecap: 'round',
    strokeLinejoin: 'round',
  } as const;
  if (label === undefined) {
    return (
      <svg {...common} aria-hidden="true">
        <path d={PATHS[name]} />
      </svg>
    );
  }
  return (
    <svg {...common} role="img" aria-label={label}>
      <title>{label}</title>
      <path d={PATHS[name]} />
    </svg>
  );
}
