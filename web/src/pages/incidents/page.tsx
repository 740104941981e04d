import { pieces } from "../../shell/router";
import { IncidentPage } from "./incident";
import { Queue } from "./queue";

export function IncidentsPage({ rest }: { rest: string }) {
  return rest ? <IncidentPage key={rest} which={pieces(rest)[0] ?? ""} /> : <Queue />;
}
