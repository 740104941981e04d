"""The durable log of streams: what is acknowledged lies here until a commit of Delta holds it.

Each process that writes has a folder of its own, `<root>/_log/<writer>/`, and holds a lock on it while it lives. In it
are segments, files of frames in the order of their sequence numbers. A frame is one batch of one table. A table's
commits say up to which sequence number of which writer they hold its rows, so that no row is in both or in neither.

| module | what |
|---|---|
| `frames` | a batch as bytes, and bytes as batches |
| `owners` | whose folder is whose; those whose owner is dead |
| `writing` | `LogWriter`: append, with one flush for all who wait |
| `reading` | segments of the dead, and of others who live |
| `forgotten` | batches whose table was dropped after they came |
"""

from huntlake.lake.log.frames import Draft, Frame
from huntlake.lake.log.writing import LogWriter

__all__ = ["Draft", "Frame", "LogWriter"]
