import { IconButton } from '../parts/controls.tsx';
import { Icon } from '../parts/icon.tsx';
import styles from './frame.module.css';
import { RangePicker } from './range-picker.tsx';
import { setTheme, type Theme, useTheme } from './theme.ts';

const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const ICON = { system: 'auto', light: 'sun', dark: 'moon' } as const;

export function TopBar({ onSearch, onHelp }: { readonly onSearch: () => void; readonly onHelp: () => void }) {
  const { theme } = useTheme();
  return (
    <header className={styles.top}>
      <button type="button" className={styles.search} onClick={onSearch}>
        <Icon name="search" />
        <span>Search, or paste a trace id</span>
        <kbd>Ctrl K</kbd>
      </button>
      <RangePicker />
      <div className={styles.ends}>
        <IconButton icon={ICON[theme]} label={`Theme: ${theme}`} onClick={() => setTheme(NEXT[theme])} />
        <IconButton icon="help" label="Keys (?)" onClick={onHelp} />
      </div>
    </header>
  );
}
