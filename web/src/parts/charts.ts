// The charts, loaded when the first is drawn.

import { lazy } from "../shell/lazy";

export const Chart = lazy(() => import("./chart").then((m) => m.Chart));
