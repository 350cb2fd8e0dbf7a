"""The page's Download: a bundle made step by step and handed over from memory.

It is never a file on the server, so there is nothing to delete and nothing that others could read.
"""

from collections.abc import Mapping
from typing import Any

from dfm_viz.export import bundle_files, zip_bytes
from dfm_viz.export.bundle import file_stem
from dfm_viz.inspection import Settings
from dfm_viz.localization import check_truths
from dfm_viz.types import UserError
from dfm_viz.ui import payload
from dfm_viz.ui.answers import Answer, sentence
from dfm_viz.ui.handlers import Explore
from dfm_viz.ui.jobs import Job, Jobs

WAITING = 8
"""Downloads that may be under way or wait for their turn."""


class Download:
    """The server side of the Download button in Explore."""

    SERVER = ("explore_bundle", "explore_bundle_poll", "explore_bundle_cancel")
    """Methods that the page's script may call."""

    def __init__(self, explore: Explore, jobs: Jobs | None = None) -> None:
        """Share the pictures and families of `explore`."""
        self.explore = explore
        self.jobs = Jobs(waiting=WAITING) if jobs is None else jobs

    @sentence
    def explore_bundle(self, query: Mapping[str, Any]) -> Answer:
        """Begin a bundle of what the page shows.

        Args:
            query: {"picture": token, "family": name, "settings": object, "truths": list,
                "title": what the visitor calls the picture}.

        Returns:
            {"job": token for `explore_bundle_poll`}.
        """
        name = str(query.get("family", ""))
        family = self.explore.family(name)
        opened = self.explore.prepared(name, query.get("picture"))
        given = query.get("settings")
        if not isinstance(given, Mapping):
            raise UserError("The page sent no settings; reload it.")
        settings = Settings.parse(given)
        picture = opened.picture
        truths = check_truths(query.get("truths") or [], picture.width, picture.height)
        title = str(query.get("title") or "picture")[:80]

        def work(job: Job) -> None:
            def step(what: str, done: int, total: int) -> None:
                if job.cancelled():
                    raise UserError("The download was stopped.")
                job.expect(total + 1)
                if done < total:
                    job.put({"what": what})

            inspection = family.inspect(opened, settings, truths)
            files = bundle_files(family, opened, inspection, truths, title=title, step=step)
            packed = payload.text(zip_bytes(files))
            job.put({"name": f"{file_stem(title, inspection.family)}.zip", "data": packed})

        return {"job": self.jobs.start(work)}

    @sentence
    def explore_bundle_poll(self, query: Mapping[str, Any]) -> Answer:
        """How far a bundle is: {"job": token, "after": items seen}.

        Its last item is {"name": file name, "data": the zip in base64}; the server keeps no copy.
        """
        return self.jobs.poll(query.get("job"), query.get("after", 0))

    @sentence
    def explore_bundle_cancel(self, query: Mapping[str, Any]) -> Answer:
        """Nobody wants that bundle any more: {"job": token}."""
        self.jobs.cancel(query.get("job"))
        return {}
