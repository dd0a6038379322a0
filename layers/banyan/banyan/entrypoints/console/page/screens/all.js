/** The screens, in the order of the navigation: `path` is the first part of the URL's, `title` its link. */
import Deadlines from "./deadlines.js";
import Events from "./events.js";
import Migration from "./migration.js";
import Overview from "./overview.js";
import Projections from "./projections.js";
import Reconciliation from "./reconciliation.js";
import Streams from "./streams.js";
import Traces from "./traces.js";

export const SCREENS = [
  { path: "overview", title: "Overview", screen: Overview },
  { path: "streams", title: "Streams", screen: Streams },
  { path: "events", title: "Events", screen: Events },
  { path: "projections", title: "Projections", screen: Projections },
  { path: "traces", title: "Traces", screen: Traces },
  { path: "deadlines", title: "Deadlines", screen: Deadlines },
  { path: "reconciliation", title: "Reconciliation", screen: Reconciliation },
  { path: "migration", title: "Migration", screen: Migration },
];
