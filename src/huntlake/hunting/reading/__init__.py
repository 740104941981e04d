"""Threat reports as people publish them, made text: plain text, Markdown, HTML and PDF."""
