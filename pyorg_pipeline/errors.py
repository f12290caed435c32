"""The exceptions of this package; a message says what happened, where, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pyorg_pipeline.model.text import plural, shortened


class PyorgError(Exception):
    """The base class of all exceptions of this package."""

    #: The message of subclasses, with their fields in braces.
    template: ClassVar[str] = ""

    def __post_init__(self) -> None:
        # Exceptions are pickled by their arguments.
        self.args: tuple[Any, ...] = tuple(vars(self).values())

    def __str__(self) -> str:
        return self.template.format_map(vars(self)) if self.template else super().__str__()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class _SeveralFailures:
    """The message of an error with several failures, some of which it shows."""

    template: ClassVar[str]
    failures: Mapping[str, str]

    def __str__(self) -> str:
        shown = (f"{name} ({reason})" for name, reason in sorted(self.failures.items()))
        return self._message(f": {shortened(shown, separator='; ')}")

    @property
    def headline(self) -> str:
        """The message without the failures, where they are shown already."""
        return self._message("")

    def _message(self, listed: str) -> str:
        count = len(self.failures)
        directories = plural(count, "directory")
        return self.template.format(
            **vars(self), count=count, directories=directories, listed=listed
        )


@dataclass(eq=False, repr=False)
class SettingsError(PyorgError):
    """An environment variable has an invalid value."""

    name: str
    value: str
    reason: str
    template = "{name}={value!r} cannot be used: {reason}"


class DagsterConfigError(SettingsError):
    """Dagster's configuration file, `dagster.yaml`, is invalid."""

    template = "{value} cannot be used: {reason}; correct it, or remove it to get the default one"


@dataclass(eq=False, repr=False)
class DagsterHomeError(PyorgError):
    """Dagster's home, or its database, cannot be read or written."""

    home: str
    reason: str
    advice: str
    template = "Dagster's home {home} cannot be used: {reason}; {advice}"


@dataclass(eq=False, repr=False)
class ExtraMissingError(PyorgError):
    """An optional dependency is not installed."""

    extra: str
    purpose: str
    template = "{purpose} needs a further package: pip install 'pyorg_pipeline[{extra}]'"


class InvalidArgumentError(PyorgError, ValueError):
    """An argument is invalid."""


class VersionNotFoundError(PyorgError, ValueError):
    """A version or series is not in the catalog."""


class ArtifactChoiceError(PyorgError, ValueError):
    """No artifact matches, or several match where one is needed."""


@dataclass(eq=False, repr=False)
class SiteError(PyorgError):
    """A request to the site failed."""

    url: str
    reason: str
    template = "{url}: {reason}"

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return False


class SiteUnreachableError(SiteError):
    """No connection, a broken connection, or a timeout."""

    transient = True


def is_transient_status(status: int) -> bool:
    """Whether the same request may succeed later (RFC 9110, 15.6; RFC 6585, 4)."""
    return status == 429 or status >= 500


@dataclass(eq=False, repr=False)
class SiteStatusError(SiteError):
    """The site answered with an HTTP status other than 200."""

    status: int

    @property
    def transient(self) -> bool:
        """Whether the status is 429 or 5xx."""
        return is_transient_status(self.status)

    @property
    def is_absent(self) -> bool:
        """Whether the status means that the site has no such page or file."""
        return self.status in {404, 410}


@dataclass(eq=False, repr=False)
class ListingError(SiteError):
    """A page is not a complete listing of its directory."""

    #: Whether it is a listing, incomplete or of another directory, and not some other page.
    is_listing: bool = False

    @property
    def transient(self) -> bool:
        """Whether a later request may return the complete listing."""
        return self.is_listing


class CatalogError(PyorgError):
    """The catalog cannot be used."""


@dataclass(eq=False, repr=False)
class CatalogMissingError(CatalogError):
    """There is no catalog yet."""

    location: str
    template = "there is no catalog at {location} yet: run `pyorg refresh` to create it"


@dataclass(eq=False, repr=False)
class CatalogUnreadableError(CatalogError):
    """A table of the catalog cannot be read."""

    location: str
    reason: str
    template = "{location} cannot be read: {reason}; `pyorg refresh --full` rewrites every table"


@dataclass(eq=False, repr=False)
class CatalogLockedError(CatalogError):
    """Another process is refreshing the catalog."""

    location: str
    holder: str
    template = (
        "{location} is being refreshed by {holder}; "
        "wait until that has finished (queries work meanwhile)"
    )


@dataclass(eq=False, repr=False)
class CatalogSiteError(CatalogError):
    """The catalog was filled from another site than the configured one."""

    location: str
    recorded: str
    wanted: str
    template = (
        "{location} was filled from {recorded}, not from {wanted}: "
        "set PYORG_SITE_URL or PYORG_HOME to match, "
        "or run `pyorg refresh --full` to replace the catalog"
    )


class RefreshError(PyorgError):
    """A refresh did not update everything; what it did not update is unchanged."""


@dataclass(eq=False, repr=False)
class RootListingError(RefreshError):
    """The root listing lost so many directories that it was rejected."""

    url: str
    lost: int
    known: int
    template = (
        "{url} no longer lists {lost} of {known} known release directories, "
        "which is more than a tenth; nothing was changed. If they were really removed, "
        "run `pyorg refresh --accept-vanished`"
    )


@dataclass(eq=False, repr=False)
class DirectoriesFailedError(_SeveralFailures, RefreshError):
    """Some release directories could not be read; the catalog keeps what it has of them."""

    #: The reason for each directory's name.
    failures: Mapping[str, str]
    template = (
        "could not read {directories}{listed}. "
        "The catalog keeps the last good table of each; the next `pyorg refresh` tries again"
    )


class DigestsFailedError(DirectoriesFailedError):
    """Some files with digests could not be read; the recorded digests are unchanged."""

    template = (
        "could not read all digests of {directories}{listed}. "
        "The next `pyorg refresh --digests` reads the missing ones"
    )


class DownloadError(PyorgError):
    """A file was not downloaded; an existing one is unchanged."""

    #: What to do next.
    advice: str

    def __str__(self) -> str:
        return f"{self.problem}; {self.advice}"

    @property
    def problem(self) -> str:
        """The message without the advice, which is the same for all failures of a kind."""
        return super().__str__()


@dataclass(eq=False, repr=False)
class VerificationError(DownloadError):
    """A file or its digest differs from what was expected."""

    #: The file's name, path or URL.
    subject: str
    #: What differs, such as `size` or `SHA-256`.
    what: str
    expected: str
    actual: str
    #: The origins of the values, such as `Python-3.14.0.tgz.sigstore` and `the bytes received`.
    expected_source: str
    actual_source: str
    advice: str = (
        "refresh the catalog, then download the file again; if it still differs, do not use it"
    )
    template = "{what} should be {expected} ({expected_source}), but is {actual} ({actual_source})"

    def __str__(self) -> str:
        return f"{self.subject}: {super().__str__()}"


class InvalidArchiveError(VerificationError):
    """A file without a published digest is not a valid archive."""

    template = "not a valid {expected} archive ({actual}), and no digest is published"

    def __init__(self, subject: str, kind: str, reason: str) -> None:
        advice = "to download it all the same, use verify=False, which compares the size alone"
        super().__init__(subject, "archive", kind, reason, "its name", "its content", advice)
        self.args = (subject, kind, reason)


class UnverifiableError(VerificationError):
    """The site does not publish the required `digest` or `signature` of a file."""

    template = "it cannot be verified by {what}: {actual_source}"

    def __init__(self, subject: str, required: str, reason: str) -> None:
        source, advice = (
            f"verify={required!r}",
            "use verify=True for the strongest that is published",
        )
        super().__init__(subject, required, "published", "missing", source, reason, advice)
        self.args = (subject, required, reason)


@dataclass(eq=False, repr=False)
class DestinationError(DownloadError):
    """A file cannot be written to its destination."""

    path: str
    reason: str
    advice: str
    template = "{path}: {reason}"


@dataclass(eq=False, repr=False)
class DownloadsFailedError(_SeveralFailures, DownloadError):
    """Some of several artifacts failed to download; the others were downloaded."""

    #: The reason for each artifact's path below the site's root.
    failures: Mapping[str, str]
    #: How many artifacts there were in all.
    wanted: int
    #: What to do next, a sentence for each kind of failure; may be empty.
    advice: str = ""
    template = "{count} of {wanted} artifacts failed to download{listed}{advice}"


@dataclass(eq=False, repr=False)
class DigestsMissingError(_SeveralFailures, PyorgError):
    """Some of several artifacts have no digest in the catalog."""

    #: The reason for each artifact's path below the site's root, and how to get a digest.
    failures: Mapping[str, str]
    #: How many artifacts there were in all.
    wanted: int
    template = "{count} of {wanted} artifacts have no digest{listed}"


@dataclass(eq=False, repr=False)
class DamagedFilesError(_SeveralFailures, PyorgError):
    """Some files of a folder are damaged or missing, or could not be verified."""

    location: str
    #: The reason for each file's path within the folder.
    failures: Mapping[str, str]
    #: How many files there were in all.
    files: int
    #: What to do next; may be empty.
    advice: str = ""
    template = "{count} of {files} files in {location} failed verification{listed}{advice}"
