// Who may do what in the workspace.

import { type Member, members } from "../../api/kusto";
import { List, type ListColumn } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { workspace } from "../../shell/session";

const roleOf = (m: Member) => m.Role.replace(/^Database \S+ /, "");

const COLUMNS: ListColumn<Member>[] = [
  { title: "Who", look: "wide", by: (m) => m.PrincipalDisplayName, cell: (m) => m.PrincipalDisplayName },
  { title: "What it is", by: (m) => m.PrincipalType, cell: (m) => m.PrincipalType },
  { title: "Role", by: roleOf, cell: roleOf },
];

export function Access() {
  const where = workspace.value?.name ?? "";
  const found = useLoaded(() => members(where), [where]);
  if (found.wrong) return <p class="page-wrong">Who may do what can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="beginning">Reading who may do what …</p>;
  return (
    <>
      <p class="lake-note quiet">
        You are {workspace.value?.role ?? "nobody"} here. Roles are given at the command line: <code>huntlake user grant</code>, <code>huntlake principal grant</code>.
      </p>
      <List label="Who may do what" rows={found.value} columns={COLUMNS} of={(_, i) => String(i)} />
    </>
  );
}
