"""Reads a stream of events with a library that leaves coming back to the application, and prints what it is told.

    python listen.py httpx-sse|sseclient-py URL

A line of JSON for each event, {id, type, data}, and {closed: true} where it is refused. Runs until it is killed.
"""

import json
import sys
import time

import httpx
import httpx_sse
import requests
import sseclient


def with_httpx_sse(url, headers):
    with httpx.Client(timeout=httpx.Timeout(5, read=40), trust_env=False) as client:
        with httpx_sse.connect_sse(client, "GET", url, headers=headers) as source:
            if source.response.status_code != 200:
                raise SystemExit(source.response.status_code)
            yield from source.iter_sse()


def with_sseclient(url, headers):
    session = requests.Session()
    session.trust_env = False
    with session.get(url, headers=headers, stream=True, timeout=(5, 40)) as response:
        if response.status_code != 200:
            raise SystemExit(response.status_code)
        yield from sseclient.SSEClient(response).events()


def main(client, url):
    read = {"httpx-sse": with_httpx_sse, "sseclient-py": with_sseclient}[client]
    headers = {"Accept": "text/event-stream"}
    pause = 1
    while True:
        try:
            for event in read(url, headers):
                told = {"id": event.id, "type": event.event, "data": event.data}
                print(json.dumps(told), flush=True)
                if event.id:
                    headers["Last-Event-ID"] = event.id
                if event.retry is not None:
                    pause = int(event.retry) / 1_000
        except (httpx.TransportError, requests.RequestException):
            pass
        except SystemExit:
            print(json.dumps({"closed": True}), flush=True)
            raise
        time.sleep(pause)


main(*sys.argv[1:])
