"""Does the time of an answer tell what its text does not? Samples pairs of requests in turn and compares them.

    timing.py DAYBOOK [SAMPLES] [PATTERN]

Starts DAYBOOK with cheap password hashes, so that what happens around the hash can be seen, and no brake on guessing.
Each pair is one request about something that is there and one about a twin that is not, by somebody who may know
neither; PATTERN picks pairs by name. SAMPLES of both (default 3000) go over one connection in random order. A line per
pair: median of each in microseconds, their difference, its 95 % interval (bootstrap), and the Mann-Whitney test as the
chance that one of them is quicker than the other (0.5: no difference) with its z. The pairs named `null` are the same
request twice: what they show is the noise, so let the machine do nothing else. Exit status 1 if a difference is surely
(z over 5) more than 2 microseconds.
"""

import base64
import hashlib
import math
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$Fc7vwTXyl+qQ8lrbphQU5NbhFAAXEXDYP3czR9ChQIM"
PLAIN = ["bob", "alice", "carol"]
EVENT = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//x//EN\r
BEGIN:VEVENT\r
UID:%s\r
DTSTAMP:20260101T000000Z\r
DTSTART:20260105T090000Z\r
DURATION:PT1H\r
END:VEVENT\r
END:VCALENDAR\r
"""
MULTIGET = (
    '<c:calendar-multiget xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/></prop>'
    "<href>/calendars/users/alice/calendar/one.ics</href></c:calendar-multiget>"
)
FREE_BUSY = (
    '<c:free-busy-query xmlns:c="urn:ietf:params:xml:ns:caldav"><c:time-range start="20260101T000000Z" '
    'end="20260201T000000Z"/></c:free-busy-query>'
)
HOME = "/calendars/users/alice"


class Connection:
    """One connection that is kept open."""

    def __init__(self, address):
        self.address = address
        self.socket = None

    def ask(self, request):
        """Sends a request; gives back seconds and status."""
        for _ in range(2):
            if self.socket is None:
                self.socket = socket.create_connection(self.address)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begin = time.perf_counter()
            try:
                self.socket.sendall(request)
                data = self.socket.recv(65536)
            except OSError:
                data = b""
            took = time.perf_counter() - begin
            if data:
                break
            self.close()
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        left = int(length[1]) - len(body) if length else 0
        while left > 0:
            left -= len(self.socket.recv(65536))
        if re.search(rb"(?i)connection: *close", head):
            self.close()
        return took, int(data.split(b" ", 2)[1])

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def request(method, path, sign_in=None, body="", fields=()):
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    if sign_in and " " in sign_in:
        lines.append(f"Authorization: {sign_in}")
    elif sign_in:
        lines.append("Authorization: Basic " + base64.b64encode(sign_in.encode()).decode())
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def digest(name, path="/principals/"):
    """Credentials that are wrong in their response only."""
    md5 = hashlib.md5(name.encode()).hexdigest()
    return (
        f'Digest username="{name}", realm="Daybook", nonce="{md5}", uri="{path}", algorithm=MD5, qop=auth, '
        f'nc=00000001, cnonce="x", response="{md5}"'
    )


def mann_whitney(one, other):
    """The chance that a value of `one` is smaller than one of `other`, and how many sigmas that is from a half."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks, at = [0.0, 0.0], 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        for index in range(at, end):
            ranks[ranked[index][1]] += (at + end + 1) / 2
        at = end
    n, m = len(one), len(other)
    u = ranks[1] - m * (m + 1) / 2
    sigma = math.sqrt(n * m * (n + m + 1) / 12)
    return u / (n * m), (u - n * m / 2) / sigma


def interval(one, other):
    """95 % of the differences of medians that the samples could as well have had."""
    draws = sorted(
        statistics.median(random.choices(other, k=len(other))) - statistics.median(random.choices(one, k=len(one)))
        for _ in range(200)
    )
    return draws[5], draws[-6]


def compare(connection, name, there, nothing, samples):
    times, statuses = ([], []), (set(), set())
    for _ in range(50):
        connection.ask(there)
        connection.ask(nothing)
    for _ in range(samples):
        order = [0, 1]
        random.shuffle(order)
        for which in order:
            took, status = connection.ask((there, nothing)[which])
            times[which].append(took * 1e6)
            statuses[which].add(status)
    one, other = (statistics.median(part) for part in times)
    low, high = interval(*times)
    chance, z = mann_whitney(*times)
    tells = abs(z) > 5 and abs(other - one) > 2 and (low > 0 or high < 0)
    status = "/".join(sorted({str(status) for part in statuses for status in part}))
    same = statuses[0] == statuses[1]
    print(
        f"{name:44} {status:>7} {one:9.1f} {other:9.1f} {other - one:+8.2f}  [{low:+7.2f} {high:+7.2f}]"
        f"  {chance:.3f} {z:+7.1f}{'  TELLS' if tells else ''}{'' if same else '  STATUS DIFFERS'}",
        flush=True,
    )
    return tells or not same


def set_up(connection):
    def ask(*args, **more):
        _, status = connection.ask(request(*args, **more))
        if status >= 300:
            raise SystemExit(f"{args}: {status}")

    ask("PROPFIND", f"{HOME}/", "alice:alice", fields=[("Depth", "0")])
    for name in ["one", "private"]:
        event = EVENT % name
        if name == "private":
            event = event.replace("VERSION", "X-CALENDARSERVER-ACCESS:PRIVATE\r\nVERSION")
        ask("PUT", f"{HOME}/calendar/{name}.ics", "alice:alice", event, [("Content-Type", "text/calendar")])
    ask("PUT", "/calendars/users/bob/own.txt", "bob:bob", "mine")
    ask("MKCOL", f"{HOME}/plain/", "alice:alice")
    ask("PUT", f"{HOME}/plain/a.txt", "alice:alice", "a")
    acl = (
        '<acl xmlns="DAV:"><ace><principal><href>/principals/__uids__/GUID-carol/</href></principal><grant><privilege>'
        "<read/></privilege></grant></ace></acl>"
    )
    ask("MKCALENDAR", f"{HOME}/shared/", "alice:alice")
    ask("ACL", f"{HOME}/shared/", "alice:alice", acl)
    ask("PUT", f"{HOME}/shared/one.ics", "alice:alice", EVENT % "s", [("Content-Type", "text/calendar")])
    ask(
        "POST",
        f"{HOME}/calendar/one.ics?action=attachment-add",
        "alice:alice",
        "text",
        [("Content-Type", "text/plain"), ("Content-Disposition", "attachment;filename=a.txt")],
    )


def attachment(data):
    """The path of the one attachment."""
    found = next(path for path in Path(data).rglob("dropbox/*/*") if path.is_file())
    return f"{HOME}/dropbox/{found.parent.name}/a.txt"


def pairs(data):
    """Name, request about what is there, request about what is not."""
    get = request("GET", f"{HOME}/calendar/one.ics", "bob:bob")
    yield "null: GET by a stranger", get, get
    known = request("GET", "/principals/", "eve00:wrong")
    yield "null: wrong password", known, known
    # A name that nobody has costs what some account's would, here nearly surely one with a hash. So what an account
    # of another kind costs says as little about the name, but a pair cannot show that.
    for known in ["eve00", "eve77"]:
        for password in ["wrong", "dbk-wrong", "x" * 1100]:
            one, other = (request("GET", "/principals/", f"{who}:{password}") for who in [known, "nobod"])
            yield f"Basic, {known}, {password[:9]}", one, other
    for name, known in [("hash", "eve00"), ("plain password", "alice"), ("stored digest", "dig00")]:
        one, other = (request("GET", "/principals/", digest(who)) for who in [known, "nobod"])
        yield f"Digest, {name}", one, other
    at = attachment(data)
    twins = [
        ("object", f"{HOME}/calendar/one.ics", f"{HOME}/calendar/two.ics"),
        ("private object", f"{HOME}/calendar/private.ics", f"{HOME}/calendar/privata.ics"),
        ("object shared with another", f"{HOME}/shared/one.ics", f"{HOME}/shared/two.ics"),
        ("object in calendar", f"{HOME}/calendar/one.ics", f"{HOME}/calendax/one.ics"),
        ("calendar", f"{HOME}/calendar/", f"{HOME}/calendax/"),
        ("shared calendar", f"{HOME}/shared/", f"{HOME}/sharee/"),
        ("file", f"{HOME}/plain/a.txt", f"{HOME}/plain/b.txt"),
        ("attachment", at, at.replace("a.txt", "b.txt")),
        ("attachment of an event", at, swap(at)),
    ]
    methods = [
        ("GET", "", []),
        ("PROPFIND", "", [("Depth", "0")]),
        ("PUT", EVENT % "x", [("Content-Type", "text/calendar")]),
        ("DELETE", "", []),
        ("REPORT", MULTIGET, []),
        ("REPORT free-busy", FREE_BUSY, []),
        ("PROPPATCH", '<propertyupdate xmlns="DAV:"/>', []),
        ("ACL", '<acl xmlns="DAV:"/>', []),
    ]
    for what, there, nothing in twins:
        for who, sign_in in [("bob", "bob:bob"), ("nobody", None)]:
            for method, body, fields in methods:
                verb = method.split()[0]
                if sign_in and method.endswith("free-busy"):
                    continue  # Everybody who signed in may ask for busy times.
                one, other = (request(verb, path, sign_in, body, fields) for path in [there, nothing])
                yield f"{method} {what}, {who}", one, other
    for what, there, nothing in twins:
        fields = [("Content-Type", "text/plain"), ("Depth", "infinity")]
        one, other = (
            request("PUT", "/calendars/users/bob/own.txt", "bob:bob", "x", [*fields, ("If", f"<{path}> ([\"x\"])")])
            for path in [there, nothing]
        )
        yield f"PUT If {what}, bob", one, other
        one, other = (
            request("COPY", "/calendars/users/bob/own.txt", "bob:bob", "", [("Destination", path)])
            for path in [there, nothing]
        )
        yield f"COPY to {what}, bob", one, other
    for what, there, nothing in [
        ("home", f"{HOME}/", "/calendars/users/alicx/"),
        ("home never used", "/calendars/users/eve01/", "/calendars/users/evx01/"),
        ("object of a home", f"{HOME}/calendar/one.ics", "/calendars/users/alicx/calendar/one.ics"),
        ("principal", "/principals/users/alice/", "/principals/users/alicx/"),
    ]:
        for method, body, fields in methods[:2] + methods[4:6]:
            verb = method.split()[0]
            one, other = (request(verb, path, None, body, fields) for path in [there, nothing])
            yield f"{method} {what}, nobody", one, other


def swap(path):
    """The same with another identifier of the same length."""
    head, identifier, name = path.rsplit("/", 2)
    return f"{head}/{identifier[::-1]}/{name}"


def accounts():
    """Two thousand people, most with a hash."""
    lines = ['realm = "Daybook"']
    for name in PLAIN:
        lines += ["[[user]]", f'name = "{name}"', f'guid = "GUID-{name}"', f'plain_password = "{name}"']
    for number in range(2000):
        lines += ["[[user]]", f'name = "eve{number:02}"', f'password = "{HASH}"']
    stored = hashlib.md5(b"dig00:Daybook:secret").hexdigest()
    lines += ["[[user]]", 'name = "dig00"', f'digest = ["MD5:{stored}"]']
    return "\n".join(lines) + "\n"


def main():
    daybook, samples = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    pattern = re.compile(sys.argv[3] if len(sys.argv) > 3 else "")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        (Path(folder) / "accounts.toml").write_text(accounts())
        (Path(folder) / "daybook.toml").write_text(
            "[auth]\ndigest = true\nfailures_per_address = 0\nfailures_per_name = 0\n"
            f'[directory]\nfile = "{folder}/accounts.toml"\n[log]\nlevel = "error"\n'
        )
        command = [daybook, "serve", "--config", f"{folder}/daybook.toml", "--data", str(data), "--listen", "127.0.0.1:0"]
        with open(f"{folder}/log", "w") as log:
            server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            line = next(line for line in server.stdout if "http://" in line)
            host, port = re.search(r"http://([^:/]+):(\d+)", line).groups()
            connection = Connection((host, int(port)))
            set_up(connection)
            told = 0
            print(f"{'pair':44} {'status':>7} {'there':>9} {'nothing':>9} {'differ':>8}  {'95 %':^17}  chance       z")
            for name, there, nothing in pairs(data):
                if pattern.search(name) and compare(connection, name, there, nothing, samples):
                    told += 1
            print(f"{told} pairs tell")
        except StopIteration:
            raise SystemExit(f"the server did not start: {Path(folder, 'log').read_text()}") from None
        finally:
            server.terminate()
            server.wait()
    sys.exit(1 if told else 0)


if __name__ == "__main__":
    main()
