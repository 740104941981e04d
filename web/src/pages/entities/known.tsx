// What the directory, the inventory, threat intelligence and watchlists say of an entity.

import { type Answer, type Cell, objects } from "../../api/kusto";
import { useAnswer } from "../../parts/answer";
import type { Loaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { brief, time } from "../../parts/values";
import { Link } from "../../shell/router";
import { type Kind, type Named, pathOf } from "./kinds";
import { PATIENCE, indicators, watchlists } from "./queries";

/** The columns that are shown, and what they are called. */
const SHOWN: Partial<Record<Kind, [string, string][]>> = {
  account: [
    ["AccountDisplayName", "Name"],
    ["AccountUPN", "User principal name"],
    ["AccountName", "Account name"],
    ["JobTitle", "Job title"],
    ["Department", "Department"],
    ["Manager", "Manager"],
    ["City", "City"],
    ["Country", "Country"],
    ["UserType", "Type"],
    ["IsAccountEnabled", "Enabled"],
    ["IsMFARegistered", "MFA registered"],
    ["IsServiceAccount", "Service account"],
    ["AssignedRoles", "Roles"],
    ["GroupMembership", "Groups"],
    ["BlastRadius", "Blast radius"],
    ["RiskLevel", "Risk"],
    ["AccountSID", "SID"],
    ["AccountObjectId", "Object id"],
    ["TimeGenerated", "Said at"],
  ],
  host: [
    ["DeviceName", "Name"],
    ["OSPlatform", "System"],
    ["OSVersionInfo", "Version"],
    ["DeviceType", "Type"],
    ["MachineGroup", "Group"],
    ["JoinType", "Joined"],
    ["LoggedOnUsers", "Logged on"],
    ["PublicIP", "Public address"],
    ["Vendor", "Vendor"],
    ["Model", "Model"],
    ["OnboardingStatus", "Onboarding"],
    ["SensorHealthState", "Sensor"],
    ["ExposureLevel", "Exposure"],
    ["AssetValue", "Value"],
    ["IsInternetFacing", "Faces the internet"],
    ["TimeGenerated", "Said at"],
  ],
  ip: [
    ["Country", "Country"],
    ["State", "State"],
    ["City", "City"],
    ["Private", "Private address"],
  ],
  hash: [
    ["FileNames", "File names"],
    ["Folders", "Folders"],
    ["FileSize", "Bytes"],
    ["Company", "Company"],
    ["Product", "Product"],
  ],
};

export function Known({ it, facts }: { it: Named; facts: Loaded<Answer> }) {
  const shown = SHOWN[it.kind];
  if (!shown) return null;
  const found = objects<Record<string, Cell>>(facts.value?.tables[0]);
  return (
    <section>
      <h2>{it.kind === "ip" ? "Where it is" : "What is known"}</h2>
      {facts.wrong && <p class="wrong">It can't be read: {quoted(facts.wrong)}</p>}
      {!facts.value && !facts.wrong && <p class="quiet">Reading …</p>}
      {facts.value && !found.length && (
        <p class="quiet">{it.kind === "account" ? "IdentityInfo doesn't name it." : it.kind === "host" ? "DeviceInfo doesn't name it." : "No row tells of it in 30 days."}</p>
      )}
      {found.length > 1 && <p class="quiet">{found.length} go by this name.</p>}
      {found.map((one, i) => (
        <dl key={i}>
          {shown.map(([column, title]) => {
            const said = text(one[column]);
            return (
              said && (
                <div key={column}>
                  <dt>{title}</dt>
                  <dd>{column === "PublicIP" ? <Link to={pathOf({ kind: "ip", name: said })}>{said}</Link> : said}</dd>
                </div>
              )
            );
          })}
        </dl>
      ))}
    </section>
  );
}

function text(value: Cell | undefined): string {
  if (value === null || value === undefined || value === "") return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return `${time(value).slice(0, 19)} UTC`;
  const list = typeof value === "string" && /^\s*\[/.test(value) ? parsed(value) : value;
  if (Array.isArray(list)) return list.map((one: unknown) => (typeof one === "object" && one ? Object.values(one).map(brief).join(" ") : brief(one))).join(", ");
  return brief(value);
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

interface Indicator {
  Source: string;
  Says: string;
  Confidence: number | null;
  Holds: boolean;
  Until: string | null;
  Tags: string;
}

interface Item {
  WatchlistAlias: string;
  WatchlistItem: Record<string, unknown> | null;
}

/** Where people have written it down before: indicators, and watchlists. */
export function Marked({ it, words }: { it: Named; words: string[] | undefined }) {
  const intel = useAnswer(indicators(it), PATIENCE);
  const lists = useAnswer(words && watchlists(words), PATIENCE);
  const found = objects<Indicator>(intel.value?.tables[0]);
  const items = objects<Item>(lists.value?.tables[0]);
  return (
    <>
      <section>
        <h2>Threat intelligence</h2>
        {intel.wrong && <p class="wrong">It can't be read: {quoted(intel.wrong)}</p>}
        {!intel.value && !intel.wrong && <p class="quiet">Reading …</p>}
        {intel.value && !found.length && <p class="quiet">No indicator names it.</p>}
        <ul>
          {found.map((i, n) => (
            <li key={n}>
              <strong>{i.Source || "Indicator"}</strong> {i.Confidence !== null && `confidence ${i.Confidence}`} {i.Holds === false && <span class="tag">no longer holds</span>}
              <br />
              <code>{brief(i.Says)}</code>
              {i.Until && i.Until < "9999" && <div class="quiet">until {time(i.Until).slice(0, 10)}</div>}
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h2>Watchlists</h2>
        {lists.wrong && <p class="wrong">They can't be read: {quoted(lists.wrong)}</p>}
        {!lists.value && !lists.wrong && <p class="quiet">Reading …</p>}
        {lists.value && !items.length && <p class="quiet">On none.</p>}
        <ul>
          {items.map((i, n) => (
            <li key={n}>
              <strong>{i.WatchlistAlias}</strong>{" "}
              <span class="quiet">
                {Object.entries(i.WatchlistItem ?? {})
                  .map(([k, v]) => `${k}: ${brief(v)}`)
                  .join("; ")}
              </span>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
