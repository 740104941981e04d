import { IncidentPage } from "./incident";
import { Queue } from "./queue";

export function IncidentsPage({ rest }: { rest: string }) {
  return rest ? <IncidentPage key={rest} which={decodeURIComponent(rest.split("/")[0] ?? "")} /> : <Queue />;
}
