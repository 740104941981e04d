"""What is done about incidents: automation rules, and the actions on machines that people and playbooks ask for."""
