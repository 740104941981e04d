"""The HTTP faces: what clients of Azure's APIs send and expect, in terms of huntlake's own services."""
