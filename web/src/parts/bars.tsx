// A few numbers by day, small enough to need no library.

import { count } from "./values";
import "./bars.css";

interface Bar {
  name: string;
  value: number;
}

export function Bars({ title, bars }: { title: string; bars: Bar[] }) {
  const most = Math.max(1, ...bars.map((b) => b.value));
  const width = 100 / bars.length;
  return (
    <figure class="bars">
      <figcaption class="quiet">{title}</figcaption>
      <svg viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label={`${title}: ${bars.map((b) => `${b.name} ${count(b.value)}`).join(", ")}`}>
        {bars.map((b, i) => (
          <rect key={b.name} x={i * width + width * 0.1} width={width * 0.8} y={30 - (28 * b.value) / most} height={(28 * b.value) / most}>
            <title>
              {b.name}: {count(b.value)}
            </title>
          </rect>
        ))}
      </svg>
      <div class="bars-ends quiet">
        <span>{bars[0]?.name}</span>
        <span>most {count(most)}</span>
        <span>{bars.at(-1)?.name}</span>
      </div>
    </figure>
  );
}
