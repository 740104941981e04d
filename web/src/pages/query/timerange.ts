// A span of time for the whole query, beside what its text says.

import { now } from "../../api/door";

export interface Range {
  span: string;
  title: string;
}

export const RANGES: Range[] = [
  { span: "", title: "Time as in the query" },
  { span: "1h", title: "Last hour" },
  { span: "4h", title: "Last 4 hours" },
  { span: "1d", title: "Last 24 hours" },
  { span: "3d", title: "Last 3 days" },
  { span: "7d", title: "Last 7 days" },
  { span: "14d", title: "Last 14 days" },
  { span: "30d", title: "Last 30 days" },
];

/** The options of a request by which it reads that span alone. */
export function scope(span: string): Record<string, string> {
  const [, count, unit] = /^(\d+)([hd])$/.exec(span) ?? [];
  if (!count) return {};
  const since = now().getTime() - Number(count) * (unit === "h" ? 3_600_000 : 86_400_000);
  return { query_datetimescope_column: "TimeGenerated", query_datetimescope_from: new Date(since).toISOString() };
}
