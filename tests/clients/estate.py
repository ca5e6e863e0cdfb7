"""The committed sample, applied to the local Azure and served over TLS, and clients for it."""

import json
import logging
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

from azure.identity import ClientSecretCredential
from azure.mgmt.resource.resources import ResourceManagementClient

CHECKOUT = Path(__file__).resolve().parents[2]
# Proxies of the machine have no business with what stays on it.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,.localhost,127.0.0.1"


def _resolve_localhost():
    """Resolves everything under `localhost` to this machine, in this process (RFC 6761)."""
    resolve = socket.getaddrinfo

    def resolved(host, *rest, **more):
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and name.lower().endswith(".localhost"):
            host = "127.0.0.1"
        return resolve(host, *rest, **more)

    socket.getaddrinfo = resolved


class Estate:
    """A root folder of its own, and the server on its data."""

    def __init__(self, binary):
        self.binary = Path(binary).resolve()
        self.folder = Path(tempfile.mkdtemp(prefix="onestream-clients-"))
        self.server = None
        try:
            for part in ("environments", "rbac"):
                if (CHECKOUT / part).exists():
                    shutil.copytree(CHECKOUT / part, self.folder / part)
            self.onestream("apply", "--auto-approve")
            self._serve()
            self._sign_in()
        except BaseException:
            self.close()
            raise

    def onestream(self, *arguments, expect=(0,)):
        """Runs a command on the root; what it printed."""
        done = subprocess.run(
            [self.binary, "--root", self.folder, *arguments],
            cwd=self.folder,
            env=os.environ | {"ONESTREAM_CLOUD": "emulator"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in expect:
            raise AssertionError(
                f"onestream {' '.join(arguments)} ended with {done.returncode}\n"
                f"{done.stdout}\n{done.stderr}"
            )
        return done.stdout

    def applied(self, arm_type=None):
        """What stands at the declared addresses, by the program's own word."""
        listed = json.loads(self.onestream("--format", "json", "state", "list"))["resources"]
        return [
            found for found in listed if arm_type in (None, found["arm_type"])
        ]

    def client(self, kind, credential=None, **more):
        """A management client of that class, by its public options only."""
        options = {
            "base_url": self.origin,
            "credential_scopes": ["https://management.azure.com/.default"],
            "connection_verify": self.ca,
            "polling_interval": 0,
        }
        return kind(credential or self.credential, self.subscription, **(options | more))

    def group(self, name):
        """A scratch group, outside of every managed scope; its name."""
        groups = self.client(ResourceManagementClient).resource_groups
        groups.create_or_update(name, {"location": "eastus2"})
        return name

    def close(self):
        """Ends the server and removes the root."""
        if self.server is not None:
            self.server.terminate()
            self.server.wait(timeout=30)
            self.server.stdout.close()
        shutil.rmtree(self.folder)

    def _serve(self):
        tls = self.folder / "tls"
        self.server = subprocess.Popen(
            [self.binary, "--root", self.folder, "emulator", "serve"]
            + ["--tls", tls, "--open-info"],
            env=os.environ | {"ONESTREAM_CLOUD": "emulator"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        told = {}
        while "CA to trust" not in told:
            line = self.server.stdout.readline()
            if not line:
                raise AssertionError("the server ended before it said where it is")
            name, _, value = line.strip().partition("  ")
            told[name] = value.strip()
        self.origin = told["Resource Manager"].replace("127.0.0.1", "localhost")
        self.ca = told["CA to trust"]

    def control(self, name, order=None):
        """What a control endpoint answers."""
        trust = ssl.create_default_context(cafile=self.ca)
        body = json.dumps(order).encode() if order is not None else None
        with urllib.request.urlopen(
            f"{self.origin}/emulator/{name}", data=body, context=trust
        ) as answer:
            return json.load(answer)

    def _sign_in(self):
        info = self.control("info")
        self.tenant, self.subscription = info["tenant"], info["subscription"]
        self.owner = (info["tenant"], info["client_id"], info["client_secret"])
        self.authority = {"authority": self.origin, "disable_instance_discovery": True}
        self.credential = ClientSecretCredential(
            *self.owner, connection_verify=self.ca, **self.authority
        )


class Check(unittest.TestCase):
    """A check on the one estate of this run."""

    estate: Estate = None

    def ours(self, tags):
        """The object carries the program's marker."""
        self.assertTrue((tags or {}).get("managed-by", "").startswith("onestream/"), tags)
        self.assertIn("onestream-id", tags)


def place(arm_id):
    """The group and the names in an ARM id, by their collection."""
    words = arm_id.strip("/").split("/")
    return dict(zip((word.lower() for word in words[::2]), words[1::2]))


_resolve_localhost()
# The checks themselves tell what was refused.
logging.getLogger("azure").setLevel(logging.CRITICAL)
