#!/usr/bin/env python3
"""Runs ../shared/azure/parity.py with two of its replay's assumptions mended.

It takes any 404 as the first answer in a resource group to mean that the group was not there,
so whatever a recording makes after a 404 of something *in* a standing group is refused for want
of the group; only ResourceGroupNotFound means that. And it sends PUTs whose body the recorder
dropped without a body, which Azure refuses, too. What is compared, and how, is left as it is.
"""
import importlib.util, json, os, re, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, "..", "..", "shared", "azure", "parity.py")


def load(path):
    spec = importlib.util.spec_from_file_location("parity", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


parity = load(TOOL)


class Replay(parity.Replay):
    def file(self, path):
        lines = open(path, encoding="utf-8").read().splitlines()
        kept = [line for line in lines if not bodiless_put(json.loads(line))]
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as copy:
            copy.write("\n".join(kept))
            copy.flush()
            return super().file(copy.name)

    def groups(self, exchanges):
        """Makes the groups that are not made in the recording, and not said to be missing."""
        made = {e["url"].split("?")[0].lower() for e in exchanges if e["method"] == "PUT"}
        first = {}
        for e in exchanges:
            found = re.match(r"(https?://[^/]+)(/subscriptions/[^/]+/resource[gG]roups/[^/?]+)", e["url"])
            if found and found.group(0).lower() not in made:
                first.setdefault(found.group(2).lower(), (found.group(2), parity.error_code(e["resp_body"])))
        for target, code in first.values():
            if code != "ResourceGroupNotFound":
                token = self.c.token("https://management.azure.com")
                target = self.mapped(target) + "?api-version=2021-04-01"
                self.c.call("PUT", target, {"location": "westus"}, token=token)


def bodiless_put(e):
    return e.get("method") == "PUT" and "status" in e and not isinstance(e.get("req_body"), (dict, list))


parity.Replay = Replay
if __name__ == "__main__":
    # The recordings lie beside the tool, not beside this file.
    if "--recordings" not in sys.argv:
        sys.argv += ["--recordings", os.path.join(os.path.dirname(TOOL), "recordings")]
    sys.exit(parity.main())
