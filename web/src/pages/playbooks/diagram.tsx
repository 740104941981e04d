// A definition as a picture: one box for each action, in the order of `runAfter`, branches side by side.

import type { ComponentChildren } from "preact";
import type { WorkflowAction } from "../../api/logic";

const CONTAINERS = new Set(["If", "Switch", "Foreach", "Until", "Scope"]);

interface Props {
  actions: Record<string, WorkflowAction>;
  /** What became of each action, by its name; empty for a definition that isn't run. */
  statuses: ReadonlyMap<string, string>;
  chosen: string;
  choose: (name: string) => void;
}

export function Diagram(props: Props) {
  return (
    <div class="diagram">
      <Flow {...props} />
    </div>
  );
}

/** The actions of one container, in layers: each stands below all that it waits for. */
function Flow({ actions, statuses, chosen, choose }: Props) {
  const layers = layered(actions);
  if (!layers.length) return <p class="quiet diagram-none">nothing</p>;
  return (
    <div class="flow">
      {layers.map((names, i) => (
        <div class="layer" key={i}>
          {names.map((name) => {
            const action = actions[name] as WorkflowAction;
            const inner = { statuses, chosen, choose };
            return (
              <Box key={name} name={name} action={action} status={statuses.get(name) ?? ""} chosen={chosen === name} choose={choose}>
                {action.type === "If" && (
                  <div class="branches">
                    <Branch title="if so">
                      <Flow actions={action.actions ?? {}} {...inner} />
                    </Branch>
                    <Branch title="if not">
                      <Flow actions={action.else?.actions ?? {}} {...inner} />
                    </Branch>
                  </div>
                )}
                {action.type === "Switch" && (
                  <div class="branches">
                    {Object.entries(action.cases ?? {}).map(([key, one]) => (
                      <Branch key={key} title={String(one.case)}>
                        <Flow actions={one.actions ?? {}} {...inner} />
                      </Branch>
                    ))}
                    <Branch title="else">
                      <Flow actions={action.default?.actions ?? {}} {...inner} />
                    </Branch>
                  </div>
                )}
                {["Foreach", "Until", "Scope"].includes(action.type) && <Flow actions={action.actions ?? {}} {...inner} />}
              </Box>
            );
          })}
        </div>
      ))}
    </div>
  );
}

interface BoxProps {
  name: string;
  action: WorkflowAction;
  status: string;
  chosen: boolean;
  choose: (name: string) => void;
  children: ComponentChildren;
}

function Box({ name, action, status, chosen, choose, children }: BoxProps) {
  const late = Object.entries(action.runAfter ?? {}).filter(([, on]) => on.some((s) => !/^succeeded$/i.test(s)));
  return (
    <div class={`box ${status}${chosen ? " chosen" : ""}${CONTAINERS.has(action.type) ? " holds" : ""}`}>
      <button type="button" onClick={() => choose(name)} aria-pressed={chosen}>
        <strong>{name.replaceAll("_", " ")}</strong>
        <small>
          {action.type}
          {status && ` · ${status}`}
          {late.length > 0 && ` · after ${late.map(([n, on]) => `${n.replaceAll("_", " ")} ${on.join(" or ").toLowerCase()}`).join(", ")}`}
        </small>
      </button>
      {children}
    </div>
  );
}

function Branch({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="branch">
      <p>{title}</p>
      {children}
    </div>
  );
}

function layered(actions: Record<string, WorkflowAction>): string[][] {
  const left = new Set(Object.keys(actions));
  const placed = new Set<string>();
  const layers: string[][] = [];
  while (left.size) {
    // A name that nobody has, or a circle, must not keep the rest from being drawn.
    let ready = [...left].filter((n) => Object.keys(actions[n]?.runAfter ?? {}).every((b) => placed.has(b) || !left.has(b)));
    if (!ready.length) ready = [...left];
    layers.push(ready);
    for (const name of ready) {
      left.delete(name);
      placed.add(name);
    }
  }
  return layers;
}
