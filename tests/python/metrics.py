"""Reads what /metrics answers, on standard input, as those do who read metrics.

metrics.py prometheus|openmetrics < TEXT

Prints a JSON array with name, type, unit and number of samples of each family. Fails on what the format forbids.
"""

import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

# The suffixes of samples, by type of their family, in either format.
SUFFIXES = {
    "counter": ["_total"],
    "gauge": [""],
    "histogram": ["_bucket", "_sum", "_count"],
    "info": ["_info"],
}


def main(form):
    text = sys.stdin.read()
    read = {
        "prometheus": parser.text_string_to_metric_families,
        "openmetrics": openmetrics_parser.text_string_to_metric_families,
    }[form]
    families = list(read(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), f"a family twice: {names}"
    for family in families:
        assert family.documentation, f"{family.name} has no help"
        assert family.samples, f"{family.name} has no sample"
        for sample in family.samples:
            suffix = sample.name.removeprefix(family.name)
            assert suffix in SUFFIXES[family.type], f"{sample.name} of {family.name}, a {family.type}"
    told = [(family.name, family.type, family.unit, len(family.samples)) for family in families]
    print(json.dumps(told))


main(sys.argv[1])
