import { type KeyboardEvent, useId, useRef, useState } from 'react';
import { useKeys } from '../frame/keys.ts';
import controls from './controls.module.css';
import styles from './filter-box.module.css';
import { Icon } from './icon.tsx';

/** One field for every filter of a page. `/` goes to it, Enter adds, Escape leaves. `onAdd` answers what is wrong, or null. */
export function FilterBox(props: {
  readonly label: string;
  readonly placeholder: string;
  readonly suggestions: readonly string[];
  readonly onAdd: (text: string) => string | null;
}) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const listId = useId();
  const hintId = useId();
  useKeys({ '/': () => input.current?.focus() });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      setText('');
      setWrong(null);
      input.current?.blur();
      event.preventDefault();
    }
    if (event.key !== 'Enter' || text.trim() === '') return;
    const problem = props.onAdd(text);
    setWrong(problem);
    if (problem === null) setText('');
  };
  return (
    <div className={`${styles.box} ${wrong === null ? '' : styles.bad}`}>
      <Icon name="filter" />
      <input
        ref={input}
        className={controls.field}
        aria-label={props.label}
        aria-invalid={wrong !== null}
        aria-describedby={wrong === null ? undefined : hintId}
        placeholder={props.placeholder}
        list={listId}
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setWrong(null);
        }}
        onKeyDown={onKeyDown}
      />
      <datalist id={listId}>
        {props.suggestions.map((suggestion) => (
          <option key={suggestion} value={suggestion} />
        ))}
      </datalist>
      {wrong !== null && (
        <span id={hintId} role="alert" className={styles.hint}>
          {wrong}
        </span>
      )}
    </div>
  );
}
