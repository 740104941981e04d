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
  { path: "/detections", title: "Detections", page: lazy(() => import("../pages/detections/page").then((m) => m.DetectionsPage)) },
  { path: "/playbooks", title: "Playbooks", page: lazy(() => import("../pages/playbooks/page").then((m) => m.PlaybooksPage)) },
];
