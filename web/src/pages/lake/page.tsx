import { Views } from "../../parts/views";
import { pieces } from "../../shell/router";
import { Access } from "./access";
import { Imports } from "./imports";
import { DeadLetters } from "./letters";
import { TablePage } from "./table";
import { Tables } from "./tables";
import { Trail } from "./trail";
import "./lake.css";

export function LakePage({ rest }: { rest: string }) {
  const [what, table] = pieces(rest);
  if (what === "tables" && table) return <TablePage key={table} name={table} />;
  return (
    <div class="lake">
      <Views
        path="/lake"
        title="Lake"
        views={[
          { name: "tables", title: "Tables", show: () => <Tables /> },
          { name: "import", title: "Import", show: () => <Imports /> },
          { name: "letters", title: "Dead letters", show: () => <DeadLetters /> },
          { name: "access", title: "Access", show: () => <Access /> },
          { name: "audit", title: "Audit", show: () => <Trail /> },
        ]}
      />
    </div>
  );
}
