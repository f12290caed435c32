"""A small site whose files have digests, and downloads from it with a client without retries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import dagster as dg

from pyorg_pipeline.definitions import build_definitions
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.defs.resources import SiteResource
from pyorg_pipeline.demo.replica.server import Answer, Replica, Request
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.published import bundle_bytes, sha256_of
from pyorg_pipeline_tests.support.small_site import LONG_AGO

#: Of series without a known signer: the extra `sigstore` would verify the invented signatures.
PATHS = [
    "3.4.0/Python-3.4.0.tar.xz",
    "3.4.1/Python-3.4.1.tar.xz",
    "3.5.9/Python-3.5.9.tar.xz",
    "3.6.0/Python-3.6.0rc1.tar.xz",
    "3.6.0/Python-3.6.0.tar.xz",
    "3.6.0/Python-3.6.0.tgz",
    "3.6.0/python-3.6.0-amd64.exe",
]
CONTENTS = {path: f"The bytes of {path}.\n".encode() * 2000 for path in PATHS}


def site_with_digests() -> Replica:
    """A site that publishes the bundle with its digest of each file; its dates are long past."""
    site = Replica([])
    for path, content in CONTENTS.items():
        bundle = bundle_bytes(sha256_of(content))
        site.add(path, content=content, last_modified=LONG_AGO)
        site.add(f"{path}.sigstore", content=bundle, last_modified=LONG_AGO)
    for path in PATHS:
        site.touch(f"{path.partition('/')[0]}/", LONG_AGO)
    return site


def halfway(go_on: threading.Event) -> Callable[[Request], Answer]:
    """An answer that sends half a file, waits for the event, and is cut then."""

    def answer(request: Request) -> Answer:
        half = len(request.ordinary.body or b"") // 2
        return Answer(hold=go_on, hold_after=half, cut_after=half + 1)

    return answer


class SiteWithoutRetries(SiteResource):
    """The site with a client that tries once, and leaves the rest to Dagster."""

    def client(self) -> SiteClient:
        return SiteClient(self.url, concurrency=self.concurrency, retries=0, backoff=0)


def job_of_the_environment() -> dg.JobDefinition:
    """The job download_artifacts with the environment's settings, as a reexecution loads it."""
    return download_job(load_settings())


def download_job(settings: Settings) -> dg.JobDefinition:
    site = SiteWithoutRetries(url=settings.site_url, concurrency=settings.concurrency)
    definitions = build_definitions(settings, resources={"site": site})
    return definitions.resolve_job_def("download_artifacts")


def select(**config: Any) -> dict[str, Any]:
    """The run config with these fields of the op select_artifacts."""
    return {"ops": {"select_artifacts": {"config": {"retry_delay": 0, **config}}}}


def download(settings: Settings, **config: Any) -> dg.ExecuteInProcessResult:
    """Run the job in this process, to its end."""
    with open_instance(settings.dagster_home) as instance:
        return download_job(settings).execute_in_process(
            run_config=select(**config), instance=instance, raise_on_error=False
        )
