import { Unread } from "../../parts/unread";
import { EntityPage } from "./entity";
import { pathOf, read } from "./kinds";
import { LookUp } from "./lookup";
import "./entities.css";

export function EntitiesPage({ rest }: { rest: string }) {
  const named = read(rest);
  if (rest && !named) return <Unread found={{ wrong: rest, missing: true }} what="kind of entity" to="/entities" all="All entities" />;
  return named ? <EntityPage key={pathOf(named)} it={named} /> : <LookUp />;
}
