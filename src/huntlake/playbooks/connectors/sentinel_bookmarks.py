"""Bookmarks, as Sentinel's connector reads and deletes them."""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.core.errors import Invalid
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors import sentinel_shapes as shapes
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation
from huntlake.playbooks.connectors.sentinel_house import SentinelHouse
from huntlake.wdl.runner.effects import Answer


@dataclass(frozen=True)
class SentinelBookmarks(SentinelHouse):
    """Bookmarks."""

    def operations(self) -> tuple[Operation, ...]:
        """What can be asked of them."""
        read, write = Effect.READ, Effect.WRITE
        return (
            Operation(
                "BookmarksList",
                "GET",
                "/Bookmarks/{subscription}/resourceGroups/{group}/workspaces/{workspace}/bookmarksList/{count}",
                "The bookmarks of a workspace.",
                read,
                self.bookmarks,
            ),
            Operation(
                "BookmarksGet",
                "GET",
                "/Bookmarks/{subscription}/resourceGroups/{group}/workspaces/{workspace}/bookmarks/{bookmark}",
                "A bookmark.",
                read,
                self.bookmark,
            ),
            Operation(
                "BookmarksDelete",
                "DELETE",
                "/Bookmarks/{subscription}/resourceGroups/{group}/workspaces/{workspace}/bookmarks/{bookmark}",
                "Delete a bookmark.",
                write,
                self.delete_bookmark,
            ),
        )

    def bookmarks(self, asked: Asked) -> Answer:
        workspace, count = (
            self.house.workspace(asked, Action.READ, asked.arguments["workspace"]),
            asked.arguments["count"],
        )
        if not count.isdecimal():
            raise Invalid(f"`{count[:60]}` is not a number of bookmarks")
        found = self.house.detection.bookmarks.list((workspace.name,))[: int(count[:9])]
        sentinel = self.house.sentinel(workspace)
        return answer({"value": [shapes.bookmark_shown(sentinel, d) for d in found]})

    def bookmark(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.READ, asked.arguments["workspace"])
        document = self.house.detection.bookmarks.get((workspace.name,), asked.arguments["bookmark"])
        return answer(shapes.bookmark_shown(self.house.sentinel(workspace), document))

    def delete_bookmark(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.AUTHOR, asked.arguments["workspace"])
        bookmarks, owner = self.house.detection.bookmarks, (workspace.name,)
        gone = bookmarks.delete(owner, asked.arguments["bookmark"], by=self.house.author(asked))
        return Answer(200 if gone else 204, body="")
