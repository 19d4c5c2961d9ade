import { getText } from '../../data/client.ts';
import { useRange } from '../../frame/range.tsx';
import { drawnSvg } from './drawn-svg.ts';
import styles from './map.module.css';

/** The map as a file: the picture as it is drawn, or its calls for Graphviz and for programs. */
export function MapExport(props: {
  readonly query: Readonly<Record<string, string>>;
  /** What is wrong, for the reader. */
  readonly onProblem: (text: string) => void;
}) {
  const { nowMs } = useRange();
  const name = `calls-${new Date(nowMs).toISOString().slice(0, 16).replaceAll(/[-:]/g, '')}`;
  const calls = async (format: 'dot' | 'json') => {
    try {
      const text = await getText('/graph', { ...props.query, format });
      save(`${name}.${format}`, format === 'json' ? 'application/json' : 'text/vnd.graphviz', text);
    } catch (error) {
      props.onProblem(error instanceof Error ? error.message : String(error));
    }
  };
  const picture = () => {
    const drawn = document.querySelector<SVGSVGElement>('svg[data-map]');
    if (drawn !== null) save(`${name}.svg`, 'image/svg+xml', drawnSvg(drawn));
  };
  return (
    <fieldset className={styles.export}>
      <legend>Export</legend>
      <button type="button" title="The picture as it is drawn" onClick={picture}>
        SVG
      </button>
      <button type="button" title="All calls, for Graphviz" onClick={() => calls('dot')}>
        DOT
      </button>
      <button type="button" title="All calls, as the API answers them" onClick={() => calls('json')}>
        JSON
      </button>
    </fieldset>
  );
}

function save(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
