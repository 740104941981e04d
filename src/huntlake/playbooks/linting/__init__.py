"""What is wrong with playbooks, told without running them."""
