import { render } from "preact";
import { Shell } from "./shell/shell";
import { begin } from "./shell/session";
import "./parts/pages.css";
import "./style.css";

const place = document.getElementById("page");
if (place) {
  place.replaceChildren();
  render(<Shell />, place);
  void begin();
}
