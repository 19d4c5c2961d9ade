import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import {
  absoluteRange,
  DEFAULT_RANGE,
  endsNow,
  resolveRange,
  type Stretch,
  type TimeRange,
} from '../model/time-range.ts';
import { useUrl } from './url.ts';

/** The time range of the page, from the URL. */
export interface RangeState {
  readonly range: TimeRange;
  /** The range at the moment of the last tick. */
  readonly stretch: Stretch;
  readonly nowMs: number;
  /** Changes when data are to be asked for anew. */
  readonly tick: number;
  readonly live: boolean;
  /** As the API takes it. Relative ranges stay relative: the server's clock counts. */
  readonly query: { readonly start: string; readonly end: string };
  readonly refresh: () => void;
  readonly setRange: (range: TimeRange) => void;
  readonly setLive: (live: boolean) => void;
  /** What a drag on a chart does. */
  readonly zoom: (fromMs: number, toMs: number) => void;
}

const RangeContext = createContext<RangeState | null>(null);

export function useRange(): RangeState {
  const state = useContext(RangeContext);
  if (state === null) throw new Error('useRange is used outside of RangeProvider');
  return state;
}

const LIVE_INTERVAL_MS = 2_000;

export function RangeProvider({ children }: { readonly children: ReactNode }) {
  const { params, set } = useUrl();
  const [clock, setClock] = useState(() => ({ nowMs: Date.now(), tick: 0 }));
  const start = params.get('start') ?? DEFAULT_RANGE.start;
  const end = params.get('end') ?? DEFAULT_RANGE.end;
  const live = params.get('live') === '1' && endsNow({ start, end });

  useEffect(() => {
    if (!live) return;
    const timer = setInterval(() => {
      if (!document.hidden) setClock(({ tick }) => ({ nowMs: Date.now(), tick: tick + 1 }));
    }, LIVE_INTERVAL_MS);
    return () => clearInterval(timer);
  }, [live]);

  const state = useMemo<RangeState>(() => {
    const range = { start, end };
    const refresh = () => setClock(({ tick }) => ({ nowMs: Date.now(), tick: tick + 1 }));
    const setRange = (next: TimeRange) => {
      refresh();
      const isDefault = next.start === DEFAULT_RANGE.start && next.end === DEFAULT_RANGE.end;
      const changes = isDefault ? { start: null, end: null } : { start: next.start, end: next.end };
      set({ ...changes, cursor: null, ...(endsNow(next) ? {} : { live: null }) });
    };
    return {
      range,
      stretch: resolveRange(range, clock.nowMs),
      nowMs: clock.nowMs,
      tick: clock.tick,
      live,
      query: { start, end },
      refresh,
      setRange,
      setLive: (next) => {
        refresh();
        set(next ? { live: '1', ...(endsNow(range) ? {} : { start: null, end: null }) } : { live: null });
      },
      zoom: (fromMs, toMs) => setRange(absoluteRange(fromMs, toMs)),
    };
  }, [start, end, live, clock, set]);
  return <RangeContext value={state}>{children}</RangeContext>;
}
