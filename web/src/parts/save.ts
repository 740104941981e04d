/** Gives a person a file. */
export function save(name: string, type: string, parts: BlobPart[]): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // At once, the browser may not have begun to read it.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
