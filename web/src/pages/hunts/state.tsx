/** Where a hunt or a run stands. */
export function State({ state }: { state: string }) {
  return <span class={`state ${state}`}>{state.replaceAll("_", " ")}</span>;
}
