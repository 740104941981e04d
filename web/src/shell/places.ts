// The places a person can go to: one line each, for the bar, the palette and the shell.

import type { ComponentType } from "preact";
import { lazy } from "./lazy";

export interface PageProps {
  /** What follows the place's own path, such as `4` in `/incidents/4`. */
  rest: string;
}

export interface PlaceOf {
  path: string;
  title: string;
  page: ComponentType<PageProps>;
}

export const PLACES: PlaceOf[] = [
  { path: "/query", title: "Query", page: lazy(() => import("../pages/query/page").then((m) => m.QueryPage)) },
  { path: "/incidents", title: "Incidents", page: lazy(() => import("../pages/incidents/page").then((m) => m.IncidentsPage)) },
  { path: "/entities", title: "Entities", page: lazy(() => import("../pages/entities/page").then((m) => m.EntitiesPage)) },
  { path: "/detections", title: "Detections", page: lazy(() => import("../pages/detections/page").then((m) => m.DetectionsPage)) },
  { path: "/hunts", title: "Hunts", page: lazy(() => import("../pages/hunts/page").then((m) => m.HuntsPage)) },
  { path: "/playbooks", title: "Playbooks", page: lazy(() => import("../pages/playbooks/page").then((m) => m.PlaybooksPage)) },
  { path: "/lake", title: "Lake", page: lazy(() => import("../pages/lake/page").then((m) => m.LakePage)) },
];
