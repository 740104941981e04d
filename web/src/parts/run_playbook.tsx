// A playbook is chosen, started on an incident or an entity, and followed until it is known what became of it.

import { useEffect, useRef, useState } from "preact/hooks";
import { why } from "../api/door";
import * as logic from "../api/logic";
import * as sentinel from "../api/sentinel";
import { Link } from "../shell/router";
import { workspace } from "../shell/session";
import { Dialog } from "./dialog";
import { useLoaded, useMeanwhile } from "./load";
import { quoted } from "./sentences";

const LOOKS = 60;
/** What triggers call a kind of entity otherwise. */
const OTHERWISE: Record<string, string> = { url: "urlentity", dnsresolution: "dns" };

interface Props {
  incident: string;
  /** Its name for people. */
  on: string;
  /** The entity of the incident that it runs on; without one it runs on the incident. */
  entity?: sentinel.Entity;
  close: () => void;
}

type Course = { state: "asking" } | { state: "waiting" } | { state: "runs"; run: logic.Run } | { state: "lost" } | { state: "wrong"; why: string };

export function RunPlaybook({ incident, on, entity, close }: Props) {
  const found = useLoaded(async () => (await logic.workflows()).filter((w) => fits(w, entity)), [workspace.value?.name]);
  const [chosen, setChosen] = useState("");
  const [course, setCourse] = useState<Course>({ state: "asking" });
  const workflow = found.value?.find((w) => w.name === chosen) ?? found.value?.find((w) => w.properties.state === "Enabled") ?? found.value?.[0];
  const run = async () => {
    if (!workflow) return;
    setCourse({ state: "waiting" });
    try {
      const before = new Set((await logic.runs(workflow.name)).map((r) => r.name));
      const told = (await sentinel.timeline(incident)).length;
      if (entity) await sentinel.runOnEntity(entity.name, incident, workflow.id);
      else await logic.runOnIncident(workflow, incident);
      setCourse(await begun(workflow.name, incident, before, told, () => closed.current));
    } catch (error) {
      setCourse({ state: "wrong", why: why(error) });
    }
  };
  const closed = useRef(false);
  useEffect(() => () => void (closed.current = true), []);
  const going = course.state === "runs" && logic.goesOn(course.run) ? course.run.name : "";
  useMeanwhile(!!going, () => {
    if (!workflow) return;
    logic.run(workflow.name, going).then(
      (run) => setCourse({ state: "runs", run }),
      (error: unknown) => setCourse({ state: "wrong", why: `What becomes of the run can't be read: ${why(error)}` }),
    );
  });
  return (
    <Dialog title={`Run a playbook on ${on}`} close={close}>
      {found.wrong && <p class="page-wrong">The playbooks can't be read: {quoted(found.wrong)}</p>}
      {!found.value && !found.wrong && <p class="quiet">Reading the playbooks …</p>}
      {found.value?.length === 0 && (
        <p>
          No playbook here is set off by {entity ? "an entity of this kind" : "incidents"}. <code>huntlake playbook import FILE</code> brings one.
        </p>
      )}
      {workflow && course.state === "asking" && (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            void run();
          }}
        >
          <label class="whole">
            Playbook
            <select value={workflow.name} onChange={(e) => setChosen(e.currentTarget.value)}>
              {found.value?.map((w) => (
                <option key={w.name} value={w.name} disabled={w.properties.state !== "Enabled"}>
                  {w.name}
                  {w.properties.state === "Enabled" ? "" : " (disabled)"}
                </option>
              ))}
            </select>
          </label>
          <p class="quiet">
            It does what <Link to={`/playbooks/${encodeURIComponent(workflow.name)}`}>its diagram</Link> shows, now and in your name. What takes something away from people or machines waits for
            an approval.
          </p>
          <div class="decision-end">
            <button type="submit" class="main" disabled={workflow.properties.state !== "Enabled"}>
              Run it
            </button>
            <button type="button" onClick={close}>
              Leave it
            </button>
          </div>
        </form>
      )}
      <div role="status">
        {course.state === "waiting" && <p>Asked for {workflow?.name}; it begins as soon as the server can …</p>}
        {course.state === "lost" && <p>It was asked for, and hasn't begun within a minute. The incident's history tells when it does.</p>}
        {course.state === "runs" && workflow && (
          <p>
            <strong>{workflow.name}</strong>: {course.run.properties.status}
            {course.run.properties.error?.message && `: ${course.run.properties.error.message}`}.{" "}
            <Link to={`/playbooks/${encodeURIComponent(workflow.name)}/runs/${course.run.name}`}>See the run</Link>
          </p>
        )}
      </div>
      {course.state === "wrong" && (
        <p class="page-wrong" role="alert">
          {course.why}
        </p>
      )}
    </Dialog>
  );
}

/** Whether the playbook has a trigger for incidents, or for such an entity. */
function fits(workflow: logic.Workflow, entity: sentinel.Entity | undefined): boolean {
  const kind = entity?.kind.toLowerCase() ?? "";
  return Object.values(workflow.properties.definition.triggers).some((t) => {
    if (t.type !== "ApiConnectionWebhook") return false;
    const said = (t.inputs as { path?: unknown } | undefined)?.path;
    const path = `/${typeof said === "string" ? said.replace(/^\/+|\/+$/g, "").toLowerCase() : ""}`;
    return entity ? [`/entity/${kind}`, `/entity/${OTHERWISE[kind] ?? kind}`].includes(path) : path.startsWith("/incident-creation");
  });
}

/** The run that wasn't there before, or why there is none. */
async function begun(workflow: string, incident: string, before: ReadonlySet<string>, told: number, isClosed: () => boolean): Promise<Course> {
  for (let look = 0; look < LOOKS && !isClosed(); look++) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const run = (await logic.runs(workflow)).find((r) => !before.has(r.name) && r.properties.huntlakeIncident?.toLowerCase() === incident.toLowerCase());
    if (run) return { state: "runs", run };
    const failed = (await sentinel.timeline(incident)).slice(told).find((e) => e.properties.kind === "PlaybookEnded" && e.properties.details["playbook"] === workflow);
    if (failed) return { state: "wrong", why: failed.properties.text };
  }
  return { state: "lost" };
}
