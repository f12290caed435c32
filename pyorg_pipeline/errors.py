"""Everything that this package raises on purpose.

PyorgError
├── ExtraMissingError              an optional part of this package is not installed
├── SettingsError                  a setting from the environment that cannot be used
├── InvalidArgumentError           an argument that cannot be used (also a ValueError)
├── SelectionError                 nothing, or not one file a name, fits a selection (a ValueError)
├── ArtifactChoiceError            no artifact is meant by the attributes, or several (a ValueError)
├── VersionNotFoundError           a version or series not in the catalog (also a ValueError)
├── SiteError                      the site did not give what was asked of it
│   ├── SiteUnreachableError       no connection, cut off, or silent for too long (transient)
│   ├── SiteStatusError            an HTTP status other than 200
│   ├── ForeignHostError           a redirect that leads away from the configured site
│   ├── ListingError               a page that is no listing, is cut, or shows another directory
│   ├── ArtifactsLostError         a listing without artifacts that it had, not yet believed
│   └── CompanionError             a bundle or bill of materials that cannot be read
├── CatalogError                   the catalog cannot serve
│   ├── CatalogMissingError        nothing was ever materialised there
│   ├── CatalogUnreadableError     a table is there, but is not one of ours
│   ├── CatalogDamagedError        tables of directories were damaged, and have to be made again
│   ├── CatalogLockedError         another refresh is at work
│   └── CatalogSiteError           the catalog was filled from another site
├── RefreshError                   a refresh did not bring everything up to date
│   ├── RootListingError           the root listing lost too much to be believed
│   ├── DirectoriesFailedError     some directories could not be read; the others were
│   └── DigestsFailedError         some files about artifacts could not be read; the others were
├── WebhookError                   an event could not be told to PYORG_WEBHOOK_URL
└── DownloadError                  a file did not get under its final name; what was there still is
    ├── VerificationError          it is not what it should be
    │   └── UnprovenError          nothing proves it in the way that was demanded
    ├── DestinationError           there is no writing where it should go
    └── DownloadsFailedError       some of several files; the others did

A message says what happened, where, and what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime


class PyorgError(Exception):
    """The base of all errors of this package."""


class SettingsError(PyorgError):
    """A setting from the environment that cannot be used."""

    def __init__(self, name: str, value: str, reason: str) -> None:
        super().__init__(name, value, reason)
        self.name = name
        self.value = value
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name}={self.value!r} cannot be used: {self.reason}"


class InvalidArgumentError(PyorgError, ValueError):
    """An argument that cannot be used."""


class VersionNotFoundError(PyorgError, ValueError):
    """A version or series that the catalog does not know."""


class ArtifactChoiceError(PyorgError, ValueError):
    """The given attributes mean no artifact, or several."""


class SiteError(PyorgError):
    """The site did not give what was asked of it."""

    #: Whether asking again later can help.
    transient = False

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


class SiteUnreachableError(SiteError):
    """No connection, a connection that was cut off, or silence for too long."""

    transient = True


class SiteStatusError(SiteError):
    """The site answered with an HTTP status other than 200."""

    def __init__(self, url: str, reason: str, status: int) -> None:
        super().__init__(url, reason)
        self.args = (url, reason, status)
        self.status = status

    @property
    def transient(self) -> bool:  # type: ignore[override]  # a constant for all its siblings
        """Whether asking again later can help: 429 and 5xx, never 403, 404 or 410."""
        return self.status == 429 or self.status >= 500


class ForeignHostError(SiteError):
    """A redirect that leads away from the configured site; it was not followed."""


class ListingError(SiteError):
    """A page that is no directory listing, is cut, or shows another directory."""

    def __init__(self, url: str, reason: str, is_listing: bool = False) -> None:
        super().__init__(url, reason)
        self.args = (url, reason, is_listing)
        #: Whether it is a listing, cut or of another directory, rather than a page of another kind.
        self.is_listing = is_listing

    @property
    def transient(self) -> bool:  # type: ignore[override]  # a constant for all its siblings
        """Whether asking again later can help: a cut listing can be whole then."""
        return self.is_listing


class ArtifactsLostError(SiteError):
    """A directory's listing has artifacts no longer that it had; the next one is believed."""

    def __init__(self, url: str, lost: Sequence[str], known: int, listed_at: datetime) -> None:
        shown = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        super().__init__(
            url,
            f"{len(lost)} of {known} artifacts are listed no longer ({shown}); believed when its "
            "next listing says the same, or with `pyorg refresh --accept_vanished true`",
        )
        self.args = (url, lost, known, listed_at)
        #: Paths below the site's root.
        self.lost = lost
        #: When the site had made the listing.
        self.listed_at = listed_at


class CatalogError(PyorgError):
    """The catalog cannot serve."""


class CatalogMissingError(CatalogError):
    """Nothing was ever materialised at the catalog's location."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location

    def __str__(self) -> str:
        return f"there is no catalog at {self.location} yet: run `pyorg refresh` to fill it"


class CatalogUnreadableError(CatalogError):
    """A table is there, but cannot be read as one of ours."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(location, reason)
        self.location = location
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.location} cannot be read: {self.reason}; "
            "`pyorg refresh --full` writes every table anew"
        )


class CatalogDamagedError(CatalogError):
    """Tables of release directories were damaged on the disk, and were removed."""

    def __init__(self, location: str, names: Sequence[str]) -> None:
        super().__init__(location, names)
        self.location = location
        self.names = tuple(names)

    def __str__(self) -> str:
        return (
            f"damaged in {self.location}, and removed: {', '.join(self.names)}. The last published "
            "catalog stays; the next `pyorg refresh` reads these directories anew. Look after the "
            "disk"
        )


class CatalogLockedError(CatalogError):
    """Another refresh is at work on the same catalog."""

    def __init__(self, location: str, holder: str) -> None:
        super().__init__(location, holder)
        self.location = location
        self.holder = holder

    def __str__(self) -> str:
        return (
            f"{self.location} is being refreshed by {self.holder}; "
            "wait until it is done, queries work meanwhile"
        )


class CatalogSiteError(CatalogError):
    """The catalog was filled from another site than the one it should be refreshed from."""

    def __init__(self, location: str, recorded: str, wanted: str) -> None:
        super().__init__(location, recorded, wanted)
        self.location = location
        self.recorded = recorded
        self.wanted = wanted

    def __str__(self) -> str:
        return (
            f"{self.location} was filled from {self.recorded}, not from {self.wanted}: "
            "set PYORG_SITE_URL or PYORG_HOME to match, "
            "or take everything from the new site with `pyorg refresh --full`"
        )


class RefreshError(PyorgError):
    """A refresh did not bring everything up to date; what was there before still is."""


class RootListingError(RefreshError):
    """The root listing lost so many directories that it is not believed."""

    def __init__(self, url: str, lost: int, known: int) -> None:
        super().__init__(url, lost, known)
        self.url = url
        self.lost = lost
        self.known = known

    def __str__(self) -> str:
        return (
            f"{self.url} lists {self.lost} of {self.known} known release directories no longer, "
            "which is more than a tenth; nothing was changed. If they are really gone, "
            "run `pyorg refresh --accept_vanished true`"
        )


class DirectoriesFailedError(RefreshError):
    """Some directories could not be read; they keep their last good tables."""

    def __init__(self, failures: Mapping[str, str]) -> None:
        super().__init__(dict(failures))
        self.failures = dict(failures)

    def __str__(self) -> str:
        shown = [f"{name} ({reason})" for name, reason in sorted(self.failures.items())]
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        these = "1 directory could not be read and keeps its last good table"
        if len(shown) > 1:
            these = f"{len(shown)} directories could not be read and keep their last good tables"
        return f"{these}: {'; '.join(shown[:3])}{more}. The next `pyorg refresh` tries again"


class WebhookError(PyorgError):
    """An event could not be told; it is told again later.

    Args:
        receiver: Scheme and host of the webhook: what else its URL has is a secret.
        reason: What happened, and what to do.
    """

    def __init__(self, receiver: str, reason: str) -> None:
        super().__init__(receiver, reason)
        self.receiver = receiver
        self.reason = reason

    def __str__(self) -> str:
        return f"the webhook at {self.receiver} did not take an event: {self.reason}"


class DownloadError(PyorgError):
    """A file did not get under its final name; what was there before still is."""


class VerificationError(DownloadError):
    """A file is not what it should be.

    Args:
        subject: What was looked at: a file's name, path or URL.
        what: What differs, such as `sha256`, `size` or `signer`.
        expected: What it should be.
        actual: What it is.
        expected_source: Where the expectation came from, such as `Python-3.14.0.tgz.sigstore`.
        actual_source: Where the other came from, such as `the bytes received`.
    """

    def __init__(  # two sides, and where each came from
        self,
        subject: str,
        what: str,
        expected: str,
        actual: str,
        expected_source: str,
        actual_source: str,
    ) -> None:
        super().__init__(subject, what, expected, actual, expected_source, actual_source)
        self.subject = subject
        self.what = what
        self.expected = expected
        self.actual = actual
        self.expected_source = expected_source
        self.actual_source = actual_source

    def __str__(self) -> str:
        return (
            f"{self.subject}: {self.what} should be {self.expected} ({self.expected_source}), "
            f"but is {self.actual} ({self.actual_source}); nothing was put under its final name. "
            "Refresh the catalog, then download it again; if it differs still, do not use the file"
        )


class DestinationError(DownloadError):
    """There is no writing where a file should go."""

    def __init__(self, path: str, reason: str, advice: str) -> None:
        super().__init__(path, reason, advice)
        self.path = path
        self.reason = reason
        #: What to do next.
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}; {self.advice}"


class UnprovenError(VerificationError):
    """Nothing proves a file in the way that was demanded.

    Args:
        subject: The file's path below the site's root.
        demanded: `digest` or `signature`.
        reason: What is missing.
    """

    def __init__(self, subject: str, demanded: str, reason: str) -> None:
        super().__init__(subject, "proof", f"a {demanded}", "none", f"verify={demanded!r}", reason)
        self.args = (subject, demanded, reason)
        self.demanded = demanded
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.subject}: no {self.demanded} proves it ({self.reason}), and "
            f"verify={self.demanded!r} takes nothing less; nothing was downloaded. "
            "verify=True takes the strongest proof that there is"
        )


class CompanionError(SiteError):
    """A file about an artifact, such as a signature bundle, that cannot be read as one."""


class ExtraMissingError(PyorgError):
    """An optional part of this package is needed and not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(extra, purpose)
        self.extra = extra
        self.purpose = purpose

    def __str__(self) -> str:
        return (
            f"{self.purpose} needs a further package: "
            f"pip install '.[{self.extra}]' in the clone of pyorg_pipeline"
        )


class SelectionError(PyorgError, ValueError):
    """A selection that nothing fits, or whose files cannot lie in one folder."""


class DigestsFailedError(RefreshError):
    """Some files that tell digests could not be read; what was on record stays."""

    def __init__(self, failures: Mapping[str, str]) -> None:
        super().__init__(dict(failures))
        #: By release directory.
        self.failures = dict(failures)

    def __str__(self) -> str:
        shown = [f"{name} ({reason})" for name, reason in sorted(self.failures.items())]
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        return (
            f"the digests of {len(shown)} directories could not all be read: "
            f"{'; '.join(shown[:3])}{more}. "
            "The next `pyorg refresh --digests` takes what is missing again"
        )


class DownloadsFailedError(DownloadError):
    """Some of several artifacts were not downloaded; the others were."""

    def __init__(self, failures: Mapping[str, str], wanted: int) -> None:
        super().__init__(dict(failures), wanted)
        #: Why, by the artifact's path below the site's root.
        self.failures = dict(failures)
        #: How many there were altogether.
        self.wanted = wanted

    def __str__(self) -> str:
        shown = [f"{path} ({reason})" for path, reason in self.failures.items()]
        more = f"; and {len(shown) - 3} more" if len(shown) > 3 else ""
        return (
            f"{len(shown)} of {self.wanted} artifacts were not downloaded: "
            f"{'; '.join(shown[:3])}{more}. The same call again takes what is missing"
        )
