import { useEffect, useMemo, useState } from 'react';
import type { GraphAnswer } from '../../../src/query/api.ts';
import { useGraph } from '../../data/queries.ts';
import { useRange } from '../../frame/range.tsx';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { formatCount } from '../../model/format.ts';
import { layOut, mapAt, mapGraph, neighbourhood, PLAIN_MAX } from '../../model/graph-layout.ts';
import { sliceAt, slicesOf } from '../../model/time-slices.ts';
import { Button, Chip } from '../../parts/controls.tsx';
import { Dock } from '../../parts/dock.tsx';
import { FilterBox } from '../../parts/filter-box.tsx';
import { Icon } from '../../parts/icon.tsx';
import { ConnectPanel, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import styles from './map.module.css';
import { MapDetails } from './map-details.tsx';
import { MapDrawing } from './map-drawing.tsx';
import { MapExport } from './map-export.tsx';
import { TimeSlider } from './time-slider.tsx';

const HOPS = ['1', '2', '3'];

/** Who calls whom, how much, and where do calls go round in a circle? */
export default function MapPage() {
  const { query, tick } = useRange();
  const graph = useGraph(query, tick);
  useEffect(() => {
    document.title = 'Map · Clew';
  }, []);
  if (graph.isPending) return <Skeleton lines={12} />;
  if (graph.data === undefined) {
    return <ErrorPanel what="The map could not be read" error={graph.error} onRetry={() => graph.refetch()} alone />;
  }
  if (graph.data.nodes.length === 0) return <ConnectPanel what="calls in this time" alone />;
  return <ServiceMap graph={graph.data} />;
}

function ServiceMap({ graph }: { readonly graph: GraphAnswer }) {
  const { params, set, go } = useUrl();
  const focus = params.get('focus');
  const hops = Number(params.get('hops') ?? '1');
  const picked = params.get('picked');
  const opened = params.getAll('open');
  const openKey = opened.join('\0');
  const names = useMemo(() => graph.nodes.map(({ service }) => service), [graph]);
  const isKnown = focus !== null && names.includes(focus);
  const around = (whole: GraphAnswer) => (isKnown ? neighbourhood(whole, focus, hops) : whole);
  const shown = useMemo(() => (isKnown ? neighbourhood(graph, focus, hops) : graph), [graph, isKnown, focus, hops]);
  const map = useMemo(() => mapGraph(shown, new Set(openKey.split('\0'))), [shown, openKey]);
  const layout = useMemo(() => layOut(map), [map]);
  const { slice, query } = useSlice();
  const drawn = useMemo(() => (slice === null ? map : mapAt(map, slice)), [map, slice]);
  const [problem, setProblem] = useState<string | null>(null);
  const isTooLarge = graph.nodes.length > PLAIN_MAX && !isKnown;
  const addFocus = (text: string): string | null => {
    const exact = names.find((name) => name === text) ?? names.find((name) => name.includes(text));
    if (exact === undefined) return `no service is called ${text}`;
    set({ focus: exact, picked: exact });
    return null;
  };
  const pick = (id: string | null) => {
    if (id?.startsWith('more:') || id?.startsWith('cycle:')) set({ open: [...opened, id] });
    else set({ picked: id }, { replace: true });
  };
  return (
    <div className={styles.page}>
      <h1 className={styles.hidden}>Map</h1>
      <div className={styles.bar}>
        <FilterBox label="Focus on a service" placeholder="Focus on a service" suggestions={names} onAdd={addFocus} />
        {isKnown && <Chip name="around" value={focus} onRemove={() => set({ focus: null, hops: null })} />}
        {isKnown &&
          HOPS.map((count) => (
            <Button key={count} pressed={hops === Number(count)} onClick={() => set({ hops: count })}>
              {count} {count === '1' ? 'call' : 'calls'} away
            </Button>
          ))}
        <MapExport query={isKnown ? { ...query, service: focus, hops: String(hops) } : query} onProblem={setProblem} />
        {opened.length > 0 && <Button onClick={() => set({ open: null })}>Close opened boxes</Button>}
        <Summary graph={slice === null ? shown : around(slice)} onCycles={() => go(placeAddress('/cycles', params))} />
      </div>
      <TimeSlider />
      <Notes graph={graph} isTooLarge={isTooLarge} problem={problem} />
      <div className={styles.body}>
        <MapDrawing map={drawn} layout={layout} picked={picked} onPick={pick} />
        {picked !== null && (
          <Dock label="Details" name="map" width={420}>
            <MapDetails
              graph={slice ?? graph}
              picked={picked}
              onClose={() => set({ picked: null }, { replace: true })}
            />
          </Dock>
        )}
      </div>
    </div>
  );
}

/** The calls of the slice of time that the slider is at, null while it is at the whole; and the times that are shown. */
function useSlice(): { readonly slice: GraphAnswer | null; readonly query: Readonly<Record<string, string>> } {
  const { query, stretch, tick } = useRange();
  const { params } = useUrl();
  const { startMs, stepMs, ...rest } = slicesOf(stretch);
  const index = sliceAt({ startMs, stepMs, ...rest }, params.get('at'));
  const fromMs = startMs + (index ?? 0) * stepMs;
  const part = { start: String(fromMs), end: String(fromMs + stepMs) };
  const { data } = useGraph(part, tick, index !== null);
  return index === null || data === undefined ? { slice: null, query } : { slice: data, query: part };
}

function Notes(props: { readonly graph: GraphAnswer; readonly isTooLarge: boolean; readonly problem: string | null }) {
  const { graph, isTooLarge, problem } = props;
  return (
    <>
      {problem !== null && (
        <p className={styles.note} role="alert">
          The calls could not be exported: {problem}
        </p>
      )}
      {isTooLarge && (
        <p className={styles.note}>
          {formatCount(graph.nodes.length)} services: the busiest of each level are shown, the others share a box. Open
          a box, or focus on a service.
        </p>
      )}
      {graph.pendingMinutes > 0 && (
        <p className={styles.note} role="status">
          <Icon name="clock" />{' '}
          {graph.pendingMinutes === 1
            ? 'The calls of one minute are still being counted.'
            : `The calls of ${formatCount(graph.pendingMinutes)} minutes are still being counted.`}
        </p>
      )}
    </>
  );
}

function Summary({ graph, onCycles }: { readonly graph: GraphAnswer; readonly onCycles: () => void }) {
  const components = new Set(graph.nodes.flatMap(({ component }) => component ?? [])).size;
  const calls = graph.edges.reduce((sum, edge) => sum + edge.calls, 0);
  return (
    <div className={styles.summary}>
      <span>
        <b>{formatCount(graph.nodes.length)}</b> services, <b>{formatCount(graph.edges.length)}</b> connections,{' '}
        <b>{formatCount(calls)}</b> calls
      </span>
      {components > 0 && (
        <Button onClick={onCycles}>
          <Icon name="cycle" />{' '}
          {components === 1 ? 'calls go round in a circle' : `${formatCount(components)} circles of calls`}
        </Button>
      )}
    </div>
  );
}
