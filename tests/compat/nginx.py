"""A client's discovery through nginx: TLS outside, Daybook below /dav behind it.

    nginx.py URL FOLDER     URL of a Daybook that trusts 127.0.0.1; FOLDER for nginx's files

Every href and Location must be a path below /dav, once; what one answer names, the next request uses.
"""

import base64
import http.client
import re
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

TLS = Path(__file__).resolve().parents[2] / "fixtures" / "tls"
CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {tls}/first.crt;
    ssl_certificate_key {tls}/first.key;
    location = /.well-known/caldav {{ return 301 /dav/; }}
    location /dav/ {{
      proxy_pass {url};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
    }}
  }}
}}
"""
EVENT = "\r\n".join([
    "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//T//EN", "BEGIN:VEVENT", "UID:walk", "DTSTAMP:20260101T000000Z",
    "DTSTART:20260101T000000Z", "SUMMARY:Walk", "END:VEVENT", "END:VCALENDAR", ""])
SPACES = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Client:
    def __init__(self, port, sign_in=True):
        context = ssl.create_default_context(cafile=str(TLS / "authority.crt"))
        self.connection = http.client.HTTPSConnection("localhost", port, context=context)
        self.sign_in = "Basic " + base64.b64encode(b"alice:alice").decode() if sign_in else None

    def ask(self, status, method, path, body="", **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.sign_in:
            fields["Authorization"] = self.sign_in
        self.connection.request(method, path, body.encode(), fields)
        reply = self.connection.getresponse()
        text = reply.read().decode()
        assert reply.status == status, f"{method} {path}: {reply.status}, not {status}\n{text}"
        for href in re.findall(r"<D:href>([^<]*)</D:href>", text):
            good = re.match(r"(mailto|urn):|/dav/((calendars|principals)/|$)", href)
            assert good, f"{method} {path}: href {href}"
        location = reply.getheader("Location")
        if location:
            path = urlsplit(location).path
            assert re.match(r"/dav/((calendars|principals)/|$)", path), f"{method}: Location {location}"
        return text, location

    def propfind(self, path, depth, *properties):
        body = f"<D:propfind {SPACES}><D:prop>{''.join(f'<{name}/>' for name in properties)}</D:prop></D:propfind>"
        return self.ask(207, "PROPFIND", path, body, Depth=depth)[0]


def href_in(text, name):
    found = re.search(rf"<{name}>\s*<D:href>([^<]*)</D:href>", text)
    assert found, f"no {name} in\n{text}"
    return found.group(1)


def walk(port):
    anonymous, alice = Client(port, sign_in=False), Client(port)
    _, root = anonymous.ask(301, "PROPFIND", "/.well-known/caldav", Depth="0")
    root = urlsplit(root).path
    anonymous.ask(401, "PROPFIND", root + "principals/", Depth="0")
    principal = href_in(alice.propfind(root, "0", "D:current-user-principal"), "D:current-user-principal")
    alice.ask(200, "OPTIONS", principal)
    found = alice.propfind(principal, "0", "C:calendar-home-set", "C:calendar-user-address-set",
                           "C:schedule-inbox-URL", "C:schedule-outbox-URL", "D:principal-collection-set")
    home = href_in(found, "C:calendar-home-set")
    for name in ("C:schedule-inbox-URL", "C:schedule-outbox-URL"):
        alice.propfind(href_in(found, name), "0", "D:resourcetype", "D:owner")
    alice.propfind(home, "1", "D:resourcetype", "D:displayname", "D:sync-token", "D:owner", "D:acl")
    calendar = home + "walk/"
    alice.ask(201, "MKCALENDAR", calendar)
    alice.ask(301, "GET", calendar.rstrip("/"))
    alice.ask(201, "PUT", calendar + "1.ics", EVENT, Content_Type="text/calendar")
    sync = '<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level>' \
           "<D:prop><D:getetag/></D:prop></D:sync-collection>"
    text, _ = alice.ask(207, "REPORT", calendar, sync, Depth="0")
    assert calendar + "1.ics" in text, text
    alice.ask(201, "MOVE", calendar + "1.ics", Destination=f"https://localhost:{port}{calendar}2.ics")
    alice.ask(403, "PUT", calendar + "3.ics", EVENT, Content_Type="text/calendar")
    alice.ask(204, "DELETE", calendar)


def main():
    url, folder = sys.argv[1], Path(sys.argv[2])
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(url=url, folder=folder, port=port, tls=TLS))
    program = "/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else "nginx"
    nginx = subprocess.Popen([program, "-c", str(configuration), "-e", str(folder / "nginx.error")])
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        walk(port)
        print("nginx: the discovery walk passes")
    finally:
        nginx.terminate()
        nginx.wait()


if __name__ == "__main__":
    main()
