import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** A component that is loaded when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [, again] = useState(0);
    const [wrong, setWrong] = useState("");
    useEffect(() => {
      if (loaded) return;
      load().then(
        (component) => {
          loaded = component;
          again((n) => n + 1);
        },
        () => setWrong("This page could not be loaded. Is the server still running? Reload to try again."),
      );
    }, []);
    if (wrong) return <p class="beginning wrong">{wrong}</p>;
    if (!loaded) return <p class="beginning">Loading the page …</p>;
    const Page = loaded;
    return <Page {...props} />;
  };
}
