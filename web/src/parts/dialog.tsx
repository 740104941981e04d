// Something that a person decides before the page goes on.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  title: string;
  /** How it looks, where it has no head. */
  look?: string;
  close: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, look, close, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const gone = useRef(false);
  // What is typed next goes into the dialog: a moment later it would go to what opened it.
  useLayoutEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    return () => {
      gone.current = true;
      element?.close();
      // By then it may be out of the page, and the browser gives the focus back to nobody.
      const isLost = document.activeElement === document.body || element?.contains(document.activeElement);
      if (isLost && before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  // The browser tells late of what is closed here: by then its place may be taken by another, which is to stay open.
  const closed = () => {
    if (!gone.current) close();
  };
  return (
    <dialog class={look ?? "decision"} ref={dialog} aria-label={title} onClose={closed}>
      {!look && (
        <header>
          <h2>{title}</h2>
          <button type="button" class="plain" aria-label="Close" onClick={close}>
            ✕
          </button>
        </header>
      )}
      {children}
    </dialog>
  );
}
