// Short words about what has just happened, at the lower edge.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { quoted } from "../parts/sentences";

interface Toast {
  id: number;
  text: string;
  wrong: boolean;
}

const toasts = signal<Toast[]>([]);
let last = 0;

export function tell(text: string, { wrong = false } = {}): void {
  const id = ++last;
  toasts.value = [...toasts.value, { id, text, wrong }];
  setTimeout(() => {
    toasts.value = toasts.value.filter((t) => t.id !== id);
  }, wrong ? 8000 : 3500);
}

export function Toasts() {
  const box = useRef<HTMLDivElement>(null);
  const newest = toasts.value.at(-1)?.id;
  useEffect(() => {
    // Over whatever dialog has been opened since.
    box.current?.hidePopover();
    if (newest !== undefined) box.current?.showPopover();
  }, [newest]);
  return (
    <div class="toasts" role="status" aria-live="polite" popover="manual" ref={box}>
      {toasts.value.map((t) => (
        <p key={t.id} class={t.wrong ? "toast wrong" : "toast"}>
          {quoted(t.text)}
        </p>
      ))}
    </div>
  );
}
