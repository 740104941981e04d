"""The pages a person sees, and the door through which they reach the APIs.

The pages are files, built from `web/` at the top of the repository. They hold no token: a browser has a session, in a
cookie that no program of the page can read, and what the pages ask of an API goes through the door, which shows a token
of that person in its place.
"""
