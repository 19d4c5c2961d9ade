import { lazy, Suspense, useState } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { EmptyPanel, Skeleton } from '../parts/states.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import styles from './frame.module.css';
import { Help } from './help.tsx';
import { useKeys } from './keys.ts';
import { Nav, PLACES } from './nav.tsx';
import { Palette } from './palette.tsx';
import { RangeProvider } from './range.tsx';
import { TopBar } from './top-bar.tsx';
import { placeAddress, useUrl } from './url.ts';

const TracesPage = lazy(() => import('../pages/traces/traces-page.tsx'));
const TracePage = lazy(() => import('../pages/trace/trace-page.tsx'));
const LogsPage = lazy(() => import('../pages/logs/logs-page.tsx'));
const MetricsPage = lazy(() => import('../pages/metrics/metrics-page.tsx'));
const MapPage = lazy(() => import('../pages/map/map-page.tsx'));
const CyclesPage = lazy(() => import('../pages/cycles/cycles-page.tsx'));
const CriticalPage = lazy(() => import('../pages/critical/critical-page.tsx'));
const LocksPage = lazy(() => import('../pages/locks/locks-page.tsx'));
const FleetPage = lazy(() => import('../pages/status/fleet-page.tsx'));
const StatusPage = lazy(() => import('../pages/status/status-page.tsx'));

/** The frame of every page: places on the left, time and search above, the page below. */
export function App() {
  return (
    <RangeProvider>
      <Frame />
    </RangeProvider>
  );
}

type Panel = 'palette' | 'help' | null;

function Frame() {
  const { path, params, go } = useUrl();
  const [panel, setPanel] = useState<Panel>(null);
  const goKeys = Object.fromEntries(PLACES.map(({ key, path }) => [key, () => go(placeAddress(path, params))]));
  useKeys({
    ...goKeys,
    'mod+k': () => setPanel(panel === 'palette' ? null : 'palette'),
    '?': () => setPanel(panel === 'help' ? null : 'help'),
  });
  return (
    <div className={styles.frame}>
      <a className={styles.skip} href="#page">
        Skip to the page
      </a>
      <Nav />
      <div className={styles.right}>
        <TopBar onSearch={() => setPanel('palette')} onHelp={() => setPanel('help')} />
        <main id="page" className={styles.page} tabIndex={-1}>
          <ErrorBoundary key={path}>
            <Suspense fallback={<Skeleton />}>
              <Pages />
            </Suspense>
          </ErrorBoundary>
        </main>
      </div>
      {panel === 'palette' && <Palette onClose={() => setPanel(null)} />}
      {panel === 'help' && <Help onClose={() => setPanel(null)} />}
    </div>
  );
}

function Pages() {
  return (
    <Switch>
      <Route path="/traces" component={TracesPage} />
      <Route path="/traces/:traceId">{({ traceId }) => <TracePage key={traceId} traceId={traceId} />}</Route>
      <Route path="/logs" component={LogsPage} />
      <Route path="/charts" component={MetricsPage} />
      <Route path="/map" component={MapPage} />
      <Route path="/cycles" component={CyclesPage} />
      <Route path="/critical-path" component={CriticalPage} />
      <Route path="/locks" component={LocksPage} />
      <Route path="/fleet" component={FleetPage} />
      <Route path="/status" component={StatusPage} />
      <Route path="/">
        <Redirect to="/traces" replace />
      </Route>
      <Route>
        <EmptyPanel title="There is no such page" alone>
          <p>Choose a place on the left, or press Ctrl-K and type what you look for.</p>
        </EmptyPanel>
      </Route>
    </Switch>
  );
}
