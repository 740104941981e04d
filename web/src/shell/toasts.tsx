// Short words about what has just happened, at the lower edge.

import { signal } from "@preact/signals";

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
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((t) => (
        <p key={t.id} class={t.wrong ? "toast wrong" : "toast"}>
          {t.text}
        </p>
      ))}
    </div>
  );
}
