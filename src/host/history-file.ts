import fs from 'node:fs';

/** Opens a file to which each call appends one text at once, whole beside what other processes append; it outlives a kill −9. */
export function openHistoryFile(path: string): (text: string) => void {
  const file = fs.openSync(path, 'a');
  return (text) => {
    fs.writeSync(file, text);
  };
}
