"""How Google says no: status, words and details as its APIs send them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Self

Json = dict[str, Any]

_STATUS_NAMES: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "INVALID_ARGUMENT",
    HTTPStatus.UNAUTHORIZED: "UNAUTHENTICATED",
    HTTPStatus.FORBIDDEN: "PERMISSION_DENIED",
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.TOO_MANY_REQUESTS: "RESOURCE_EXHAUSTED",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL",
    HTTPStatus.SERVICE_UNAVAILABLE: "UNAVAILABLE",
    HTTPStatus.GATEWAY_TIMEOUT: "DEADLINE_EXCEEDED",
}
_SERVICE = "sheets.googleapis.com"


class RefusedError(Exception):
    """A request that Google answers with an error body."""

    def __init__(self, status: HTTPStatus, message: str, details: Sequence[Json] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = tuple(details)

    @property
    def body(self) -> Json:
        error: Json = {
            "code": self.status.value,
            "message": self.message,
            "status": _STATUS_NAMES.get(self.status, "UNKNOWN"),
        }
        return {"error": error | ({"details": list(self.details)} if self.details else {})}

    def inside(self, place: str) -> Self:
        """The same, said of one part of a batch."""
        return type(self)(self.status, f"Invalid {place}: {self.message}", self.details)


def bad_request(message: str, details: Sequence[Json] = ()) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, message, details)


def unknown_name(name: str, place: str) -> RefusedError:
    """Make the answer to a body with a key that the API does not have."""
    where = f" at '{place}'" if place else ""
    message = f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
    violation = {"field": place, "description": message} if place else {"description": message}
    return bad_request(message, [{"@type": _type("BadRequest"), "fieldViolations": [violation]}])


def bad_mask(path: str) -> RefusedError:
    """Make the answer to a `fields` parameter that names what is not there."""
    why = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    violation = {"field": path, "description": why}
    return bad_request(
        "Request contains an invalid argument.", [{"@type": _type("BadRequest"), "fieldViolations": [violation]}]
    )


def no_permission() -> RefusedError:
    return RefusedError(HTTPStatus.FORBIDDEN, "The caller does not have permission")


def not_found() -> RefusedError:
    return RefusedError(HTTPStatus.NOT_FOUND, "Requested entity was not found.")


def no_credentials() -> RefusedError:
    return RefusedError(
        HTTPStatus.FORBIDDEN,
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
        "other form of API consumer identity to call this API.",
    )


def bad_credentials() -> RefusedError:
    return RefusedError(
        HTTPStatus.UNAUTHORIZED,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        [_error_info("ACCESS_TOKEN_EXPIRED", {"service": _SERVICE})],
    )


def missing_scope() -> RefusedError:
    return RefusedError(
        HTTPStatus.FORBIDDEN,
        "Request had insufficient authentication scopes.",
        [_error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", {"service": _SERVICE})],
    )


def api_disabled(project_number: str) -> RefusedError:
    url = f"https://console.developers.google.com/apis/api/{_SERVICE}/overview?project={project_number}"
    message = (
        f"Google Sheets API has not been used in project {project_number} before or it is disabled. Enable it by "
        f"visiting {url} then retry. If you enabled this API recently, wait a few minutes for the action to propagate "
        "to our systems and retry."
    )
    metadata = {
        "service": _SERVICE,
        "serviceTitle": "Google Sheets API",
        "consumer": f"projects/{project_number}",
        "containerInfo": project_number,
        "activationUrl": url,
    }
    link = {"description": "Google developers console API activation", "url": url}
    return RefusedError(
        HTTPStatus.FORBIDDEN,
        message,
        [
            _error_info("SERVICE_DISABLED", metadata),
            {"@type": _type("LocalizedMessage"), "locale": "en-US", "message": message},
            {"@type": _type("Help"), "links": [link]},
        ],
    )


def quota_exceeded(verb: str, per: str, limit: int, project_number: str) -> RefusedError:
    """Make the answer to one request too many: `verb` is Read or Write, `per` is `user` or `project`."""
    of_user = per == "user"
    limit_words = f"{verb} requests per minute" + (" per user" if of_user else "")
    message = (
        f"Quota exceeded for quota metric '{verb} requests' and limit '{limit_words}' of service '{_SERVICE}' for "
        f"consumer 'project_number:{project_number}'."
    )
    metadata = {
        "service": _SERVICE,
        "consumer": f"projects/{project_number}",
        "quota_metric": f"{_SERVICE}/{verb.lower()}_requests",
        "quota_limit": f"{verb}RequestsPerMinutePer{'User' if of_user else 'Project'}",
        "quota_limit_value": str(limit),
        "quota_unit": "1/min/{project}/{user}" if of_user else "1/min/{project}",
        "quota_location": "global",
    }
    help_link = {
        "description": "Request a higher quota limit.",
        "url": "https://cloud.google.com/docs/quotas/help/request_increase",
    }
    return RefusedError(
        HTTPStatus.TOO_MANY_REQUESTS,
        message,
        [_error_info("RATE_LIMIT_EXCEEDED", metadata), {"@type": _type("Help"), "links": [help_link]}],
    )


def server_error(status: HTTPStatus) -> RefusedError:
    words = {
        HTTPStatus.INTERNAL_SERVER_ERROR: "Internal error encountered.",
        HTTPStatus.SERVICE_UNAVAILABLE: "The service is currently unavailable.",
        HTTPStatus.GATEWAY_TIMEOUT: "Deadline expired before operation could complete.",
    }
    return RefusedError(status, words.get(status, status.phrase))


def _error_info(reason: str, metadata: Mapping[str, str]) -> Json:
    return {"@type": _type("ErrorInfo"), "reason": reason, "domain": "googleapis.com", "metadata": dict(metadata)}


def _type(name: str) -> str:
    return f"type.googleapis.com/google.rpc.{name}"
