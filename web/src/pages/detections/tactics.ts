// ATT&CK's tactics, in the order in which an attack goes through them.

export const TACTICS = [
  "Reconnaissance",
  "ResourceDevelopment",
  "InitialAccess",
  "Execution",
  "Persistence",
  "PrivilegeEscalation",
  "DefenseEvasion",
  "CredentialAccess",
  "Discovery",
  "LateralMovement",
  "Collection",
  "CommandAndControl",
  "Exfiltration",
  "Impact",
];

/** `InitialAccess` as `Initial Access`. */
export function spaced(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, "$1 $2");
}
