import { useEffect, useState } from "preact/hooks";
import { json } from "../../api/door";
import { time } from "../../parts/values";
import { Link } from "../../shell/router";
import { arm } from "../../shell/session";

export function IncidentsPage({ rest }: { rest: string }) {
  const [found, setFound] = useState<{ name: string; properties: { title: string; severity: string; status: string; incidentNumber: number; createdTimeUtc: string } }[]>();
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    json<{ value: NonNullable<typeof found> }>(`${arm.value}/providers/Microsoft.SecurityInsights/incidents?api-version=2024-09-01&$orderby=properties/createdTimeUtc desc`).then(
      (answer) => setFound(answer.value),
      (error: Error) => setWrong(error.message),
    );
  }, [arm.value]);
  if (rest) return <p class="beginning">{rest}</p>;
  if (wrong) return <p class="beginning wrong">{wrong}</p>;
  if (!found) return <p class="beginning">Reading the incidents …</p>;
  return (
    <div>
      <h1>Incidents</h1>
      <ul>
        {found.map((i) => (
          <li key={i.name}>
            <Link to={`/incidents/${i.properties.incidentNumber}`}>
              <span class={`severity ${i.properties.severity}`}>{i.properties.severity}</span> {i.properties.title}
            </Link>{" "}
            {i.properties.status} {time(i.properties.createdTimeUtc)}
          </li>
        ))}
      </ul>
    </div>
  );
}
