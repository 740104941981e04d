import { Views } from "../../parts/views";
import { pieces } from "../../shell/router";
import { HuntPage } from "./hunt";
import { Hypotheses } from "./hypotheses";
import { Hunts } from "./list";
import { Metrics } from "./metrics";
import { Signals } from "./signals";
import "./hunts.css";

export function HuntsPage({ rest }: { rest: string }) {
  if (rest) return <HuntPage key={rest} name={pieces(rest)[0] ?? ""} />;
  return (
    <div class="hunts">
      <Views
        path="/hunts"
        title="Hunts"
        views={[
          { name: "hunts", title: "Hunts", show: () => <Hunts /> },
          { name: "hypotheses", title: "Hypotheses", show: () => <Hypotheses /> },
          { name: "signals", title: "Signals", show: () => <Signals /> },
          { name: "metrics", title: "Metrics", show: () => <Metrics /> },
        ]}
      />
    </div>
  );
}
