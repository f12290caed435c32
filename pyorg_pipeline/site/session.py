"""Sessions of requests, as the site's client and the webhook use them."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

from requests import Response, Session
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import default_user_agent, get_auth_from_url, get_netrc_auth

from pyorg_pipeline.errors import SettingsError


class _Session(Session):
    def get_redirect_target(self, resp: Response) -> None:  # noqa: ARG002
        """Return None: requests reads a redirect's whole body, which a server may never end."""
        return


def open_session(url: str, *, connections: int = 1) -> Session:
    """Return a session for the host of a URL, which follows no redirects.

    The credentials are those in the URL, or those of netrc. Proxies and certificate bundles are
    read from the environment once, here: Session.request reads them for each request, which takes
    longer than the rest of it. Raises SettingsError for a bundle that does not exist.
    """
    session = _Session()
    try:
        version = metadata.version("pyorg-pipeline")
    except metadata.PackageNotFoundError:
        # Run from a source tree that was never installed.
        version = "0"
    # Without a URL: the project has no page of its own to name.
    session.headers["User-Agent"] = f"pyorg_pipeline/{version} {default_user_agent()}"
    user, password = get_auth_from_url(url)
    auth = (user, password) if user or password else get_netrc_auth(url)
    if auth:
        # As bytes: requests would encode text in Latin-1, RFC 7617 recommends UTF-8.
        session.auth = HTTPBasicAuth(auth[0].encode(), auth[1].encode())
    environment = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies = environment["proxies"]
    session.verify = environment["verify"]
    session.cert = environment["cert"]
    session.trust_env = False
    if isinstance(session.verify, str) and not Path(session.verify).exists():
        used = os.environ.get("REQUESTS_CA_BUNDLE") == session.verify
        raise SettingsError(
            "REQUESTS_CA_BUNDLE" if used else "CURL_CA_BUNDLE",
            session.verify,
            "there is no such file or folder; unset it, or name your certificates",
        )
    adapter = HTTPAdapter(pool_maxsize=connections)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
