// A hunt as an analytic rule: what it would have told, the rule that was made of it, and who lets that run.

import { of, post, type Who } from "./hunting";
import { worked } from "./lines";
import { all } from "./sentinel";

/** What came of one setting of the rule. */
export interface Trial {
  setting: string;
  alerts: number;
  alertsADay: number;
  entities: number;
  truePositivesKept: number;
  falseAlerts: number;
  suppressedRuns: number;
  failedRuns: number;
}

export interface Backtest {
  properties: {
    version: number;
    contentHash: string;
    startTimeUtc: string;
    endTimeUtc: string;
    madeTimeUtc: string;
    truePositives: number;
    /** The place of a trial. */
    recommended: number | null;
    trials: Trial[];
    overlaps: { rule: string; title: string; sharedEntities: number; jaccard: number }[];
    remarks: string[];
    failure: string;
  };
}

export interface Promotion {
  properties: {
    version: number;
    rule: string;
    setting: string;
    alertsADay: number;
    promotedBy: Who;
    promotedTimeUtc: string;
    comment: string;
    enabledBy?: Who;
    enabledTimeUtc?: string;
    approval?: string;
  };
}

/** The last one; null where there was none. */
export const backtest = async (hunt: string): Promise<Backtest | null> => (await all<Backtest>(of(hunt, "/backtests")))[0] ?? null;
export const promotion = async (hunt: string): Promise<Promotion | null> => (await all<Promotion>(of(hunt, "/promotions")))[0] ?? null;

export interface Progress {
  windowsDone: number;
  windows: number;
}

export interface Wanted {
  days: number;
  /** How often the rule would run, such as `P1D`; without one the server's usual ones are tried. */
  frequencies?: string[];
}

/** Replays what runs of a hunt over history, with one setting of a rule after the other. */
export async function tried(hunt: string, wanted: Wanted, tell: (progress: Progress) => void, signal: AbortSignal): Promise<Backtest> {
  const properties = await worked<Progress, Backtest["properties"]>(of(hunt, "/backtests"), { method: "POST", body: { properties: wanted }, signal }, tell);
  return { properties };
}

/** Makes a rule of it, which is disabled until somebody else enables it. */
export const promote = (hunt: string, trial: number, comment: string): Promise<Promotion> => post(of(hunt, "/promotions"), { trial, comment });
export const enable = (hunt: string, comment: string): Promise<Promotion> => post(of(hunt, "/promotions/rule/enable"), { comment });
