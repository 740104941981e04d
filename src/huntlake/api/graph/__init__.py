"""Microsoft Graph's face: hunting, incidents, alerts, sign-ins and directory audits."""
