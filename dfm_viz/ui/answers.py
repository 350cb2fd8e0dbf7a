"""What every server function of the page has in common: it answers, it never raises."""

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any

from dfm_viz.types import UserError
from dfm_viz.ui.pictures import ExpiredError, LostError

Answer = dict[str, Any]
"""What was asked for, or {"error": one sentence} and perhaps a "code" for the page."""

_LOG = logging.getLogger(__name__)


def sentence(function: Callable[..., Answer]) -> Callable[..., Answer]:
    """Turn every error of a method into an answer; what is no mapping is an empty question."""

    @functools.wraps(function)
    def wrapped(self: Any, query: object = None) -> Answer:
        try:
            return function(self, query if isinstance(query, Mapping) else {})
        except ExpiredError as error:
            return {"error": str(error), "code": "expired"}
        except LostError as error:
            return {"error": str(error), "code": "lost"}
        except UserError as error:
            return {"error": str(error)}
        except Exception:
            _LOG.exception("error in %s", function.__name__)
            return {"error": "Something went wrong on the server; try again or reload the page."}

    return wrapped
