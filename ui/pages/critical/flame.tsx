import { useMemo } from 'react';
import type { PathSums } from '../../../src/query/api-paths.ts';
import { serviceColour } from '../../frame/service-colour.ts';
import { useUrl } from '../../frame/url.ts';
import { placeFlame } from '../../model/flame-layout.ts';
import { digits3, formatDurationNs } from '../../model/format.ts';
import { Button } from '../../parts/controls.tsx';
import styles from './critical.module.css';

const ROW_PX = 24;

/** Call paths from the top down, as wide as their part of the waiting. A click widens what is below a call. */
export function Flame({ sums }: { readonly sums: PathSums }) {
  const { params, set } = useUrl();
  const top = Number(params.get('top') ?? -1);
  const boxes = useMemo(() => placeFlame(sums.flame, top), [sums, top]);
  const depth = boxes.reduce((most, box) => Math.max(most, box.depth), 0);
  return (
    <>
      {top >= 0 && (
        <div className={styles.views}>
          <Button onClick={() => set({ top: null })}>Show all call paths</Button>
        </div>
      )}
      <div className={styles.scroll}>
        <ul className={styles.flame} style={{ height: (depth + 1) * ROW_PX }} aria-label="Call paths by waiting time">
          {boxes.map(({ index, left, width, depth: row }) => {
            const node = sums.flame[index];
            const name = node.kind === 'unobserved' ? 'unobserved' : `${node.service} ${node.operation}`;
            const text = node.kind === 'gap' ? `network + queue → ${node.service}` : name;
            const share = `${digits3((node.totalNano / sums.totalNano) * 100)} %`;
            const own = `${formatDurationNs(node.selfNano)} of its own`;
            const title = `${text}: ${share}, ${formatDurationNs(node.totalNano)}, ${own}`;
            return (
              <li key={index} style={{ left: `${left}%`, width: `${width}%`, top: row * ROW_PX }}>
                <button
                  type="button"
                  className={node.kind === 'gap' ? styles.gapBox : styles.box}
                  style={{ borderColor: serviceColour(node.service) }}
                  title={title}
                  aria-label={title}
                  onClick={() => set({ top: String(index) })}
                >
                  {width > 3 && text}
                </button>
              </li>
            );
          })}
        </ul>
      </div>
      {sums.flameTruncated && <p className={styles.intro}>Further calls are counted with their callers.</p>}
    </>
  );
}
