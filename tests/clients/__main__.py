"""Microsoft's Python clients against the local Azure: `python tests/clients BINARY`."""

import sys
import unittest

import access
import clusters
import drift
import identities
import keys
import networks
import registries
import resources
import signing_in
import vaults
from estate import Check, Estate

# What the program makes of the changes is looked at last.
MODULES = [
    signing_in,
    resources,
    registries,
    networks,
    identities,
    access,
    vaults,
    keys,
    clusters,
    drift,
]


def main():
    """Runs every check; 0 when all of them passed."""
    if len(sys.argv) != 2:
        print("usage: python tests/clients BINARY", file=sys.stderr)
        return 64
    load = unittest.defaultTestLoader.loadTestsFromModule
    suite = unittest.TestSuite(load(module) for module in MODULES)
    Check.estate = Estate(sys.argv[1])
    try:
        result = unittest.TextTestRunner(verbosity=2).run(suite)
    finally:
        Check.estate.close()
    # A check that did not run has not passed. One may fail in several of its parts.
    broken = result.failures + result.errors + result.skipped
    failed = len({getattr(check, "test_case", check).id() for check, _ in broken})
    sys.stderr.flush()
    print(f"clients: {result.testsRun - failed} passed, {failed} failed")
    return 0 if result.testsRun and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
