"""The exceptions that this package raises on purpose.

PyorgError
├── SettingsError              an environment variable has an invalid value
├── ExtraMissingError          an optional dependency is not installed
├── InvalidArgumentError       an argument is invalid (also a ValueError)
├── VersionNotFoundError       a version or series is not in the catalog (also a ValueError)
├── ArtifactChoiceError        no artifact matches, or several do (also a ValueError)
├── SiteError                  a request to the site failed
│   ├── SiteUnreachableError   no connection, a broken connection, or a timeout
│   ├── SiteStatusError        an HTTP status other than 200
│   └── ListingError           a page is not a complete listing of its directory
├── CatalogError               the catalog cannot be used
│   ├── CatalogMissingError    there is no catalog yet
│   ├── CatalogUnreadableError a table cannot be read
│   ├── CatalogLockedError     another process is refreshing the catalog
│   └── CatalogSiteError       the catalog was filled from another site
├── RefreshError               a refresh did not update everything
│   ├── RootListingError       the root listing lost too many directories
│   └── DirectoriesFailedError some directories could not be read
│       └── DigestsFailedError some files with digests could not be read
└── DownloadError              a file was not downloaded; an existing one is unchanged
    ├── VerificationError      the file is not what it should be
    │   └── UnverifiableError  the site publishes nothing to verify it with
    ├── DestinationError       the file cannot be written
    └── DownloadsFailedError   some of several files were not downloaded

A message says what happened, where, and what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pyorg_pipeline.model.text import shortened


class PyorgError(Exception):
    """The base class of all exceptions of this package."""

    #: The message, with the exception's attributes as fields; empty if the argument is the message.
    template: ClassVar[str] = ""

    def __str__(self) -> str:
        return self.template.format_map(vars(self)) if self.template else super().__str__()


class SettingsError(PyorgError):
    """An environment variable has an invalid value."""

    template = "{name}={value!r} cannot be used: {reason}"

    def __init__(self, name: str, value: str, reason: str) -> None:
        super().__init__(name, value, reason)
        self.name = name
        self.value = value
        self.reason = reason


class ExtraMissingError(PyorgError):
    """An optional dependency is needed and not installed."""

    template = (
        "{purpose} needs a further package: pip install '.[{extra}]' in the clone of pyorg_pipeline"
    )

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(extra, purpose)
        self.extra = extra
        self.purpose = purpose


class InvalidArgumentError(PyorgError, ValueError):
    """An argument is invalid."""


class VersionNotFoundError(PyorgError, ValueError):
    """A version or series is not in the catalog."""


class ArtifactChoiceError(PyorgError, ValueError):
    """No artifact matches, or several do where one was needed."""


class SiteError(PyorgError):
    """A request to the site failed."""

    template = "{url}: {reason}"

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason
        #: Whether the same request may succeed later.
        self.transient = False


class SiteUnreachableError(SiteError):
    """No connection, a broken connection, or a timeout."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.transient = True


class SiteStatusError(SiteError):
    """The site answered with an HTTP status other than 200."""

    def __init__(self, url: str, reason: str, status: int) -> None:
        super().__init__(url, reason)
        self.args = (url, reason, status)
        self.status = status
        #: Whether the site has no such page or file; every other status says nothing about that.
        self.is_absent = status in (404, 410)
        self.transient = status == 429 or status >= 500


class ListingError(SiteError):
    """A page is not a complete listing of its directory.

    Args:
        url: The page's URL.
        reason: What is wrong with it.
        is_listing: Whether it is a listing, incomplete or of another directory, and not some
            other page; a later request may return a complete one.
    """

    def __init__(self, url: str, reason: str, is_listing: bool = False) -> None:
        super().__init__(url, reason)
        self.args = (url, reason, is_listing)
        self.is_listing = self.transient = is_listing


class CatalogError(PyorgError):
    """The catalog cannot be used."""


class CatalogMissingError(CatalogError):
    """There is no catalog yet."""

    template = "there is no catalog at {location} yet: run `pyorg refresh` to create it"

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


class CatalogUnreadableError(CatalogError):
    """A table of the catalog cannot be read."""

    template = "{location} cannot be read: {reason}; `pyorg refresh --full` rewrites every table"

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(location, reason)
        self.location = location
        self.reason = reason


class CatalogLockedError(CatalogError):
    """Another process is refreshing the catalog."""

    template = (
        "{location} is being refreshed by {holder}; "
        "wait until that has finished (queries work meanwhile)"
    )

    def __init__(self, location: str, holder: str) -> None:
        super().__init__(location, holder)
        self.location = location
        self.holder = holder


class CatalogSiteError(CatalogError):
    """The catalog was filled from another site than the configured one."""

    template = (
        "{location} was filled from {recorded}, not from {wanted}: "
        "set PYORG_SITE_URL or PYORG_HOME to match, "
        "or replace the catalog with the new site's by `pyorg refresh --full`"
    )

    def __init__(self, location: str, recorded: str, wanted: str) -> None:
        super().__init__(location, recorded, wanted)
        self.location = location
        self.recorded = recorded
        self.wanted = wanted


class RefreshError(PyorgError):
    """A refresh did not update everything; what it did not update is unchanged."""


class RootListingError(RefreshError):
    """The root listing lost so many directories that it was not believed."""

    template = (
        "{url} no longer lists {lost} of {known} known release directories, which is more than a "
        "tenth; nothing was changed. If they were really removed, "
        "run `pyorg refresh --accept_vanished true`"
    )

    def __init__(self, url: str, lost: int, known: int) -> None:
        super().__init__(url, lost, known)
        self.url = url
        self.lost = lost
        self.known = known


class DirectoriesFailedError(RefreshError):
    """Some release directories could not be read; the catalog keeps what it has of them.

    Args:
        failures: The reason for each directory's name.
    """

    template = (
        "could not read {count}: {shown}. "
        "The catalog keeps the last good table of each; the next `pyorg refresh` tries again"
    )

    def __init__(self, failures: Mapping[str, str]) -> None:
        super().__init__(dict(failures))
        self.failures = dict(failures)
        self.count = f"{len(failures)} director{'y' if len(failures) == 1 else 'ies'}"
        self.shown = _shown(dict(sorted(failures.items())))


class DigestsFailedError(DirectoriesFailedError):
    """Some files with digests could not be read; the recorded digests are unchanged."""

    template = (
        "could not read all digests of {count}: {shown}. "
        "The next `pyorg refresh --digests true` reads the missing ones"
    )


class DownloadError(PyorgError):
    """A file was not downloaded; an existing one is unchanged."""


class VerificationError(DownloadError):
    """A file is not what it should be.

    Args:
        subject: The file's name, path or URL.
        what: What differs, such as `sha256`, `size` or `signer`.
        expected: What it should be.
        actual: What it is.
        expected_source: Where the expectation comes from, such as `Python-3.14.0.tgz.sigstore`.
        actual_source: Where the actual value comes from, such as `the bytes received`.
    """

    template = (
        "{subject}: {what} should be {expected} ({expected_source}), but is {actual} "
        "({actual_source}); nothing was written under the final name. Refresh the catalog, then "
        "download the file again; if it still differs, do not use it"
    )

    def __init__(
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


class UnverifiableError(VerificationError):
    """The site does not publish the digest or signature that the caller requires.

    Args:
        subject: The file's path below the site's root.
        required: `digest` or `signature`.
        reason: What is missing.
    """

    template = (
        "{subject} has no {required} to verify it with ({reason}), and verify={required!r} "
        "requires one; nothing was downloaded. verify=True uses the strongest verification that "
        "the site's files allow"
    )

    def __init__(self, subject: str, required: str, reason: str) -> None:
        super().__init__(subject, required, "published", "missing", f"verify={required!r}", reason)
        self.args = (subject, required, reason)
        self.required = required
        self.reason = reason


class DestinationError(DownloadError):
    """A file cannot be written to its destination."""

    template = "{path}: {reason}; {advice}"

    def __init__(self, path: str, reason: str, advice: str) -> None:
        super().__init__(path, reason, advice)
        self.path = path
        self.reason = reason
        self.advice = advice


class DownloadsFailedError(DownloadError):
    """Some of several artifacts were not downloaded; the others were.

    Args:
        failures: The reason for each artifact's path below the site's root.
        wanted: How many artifacts there were in all.
    """

    template = (
        "{count} of {wanted} artifacts were not downloaded: {shown}. "
        "Run the same command again to download them"
    )

    def __init__(self, failures: Mapping[str, str], wanted: int) -> None:
        super().__init__(dict(failures), wanted)
        self.failures = dict(failures)
        self.wanted = wanted
        self.count = len(failures)
        self.shown = _shown(failures)


def _shown(failures: Mapping[str, str]) -> str:
    return shortened((f"{name} ({reason})" for name, reason in failures.items()), separator="; ")
