import { EntityPage } from "./entity";
import { pathOf, read } from "./kinds";
import { LookUp } from "./lookup";
import "./entities.css";

export function EntitiesPage({ rest }: { rest: string }) {
  const named = read(rest);
  return named ? <EntityPage key={pathOf(named)} it={named} /> : <LookUp />;
}
