"""Content pushed to another workspace over the management API, and brought back as files.

`forms` says what a piece of content looks like there and in files, `client` speaks to the API, `planning` compares both
sides with what was published last, and does what a plan says.
"""
