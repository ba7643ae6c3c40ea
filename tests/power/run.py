#!/usr/bin/env python3
"""Cuts the power under a server that stores on ext4.

    tests/power/run.py BINARY [--cuts N] [--seconds S] [--seed S]

The server's file system stands on a disk that remembers every write and flush (disk.py). Clients
write for a while; then, for many moments of that while, a disk is made as a power failure may
leave it, mounted (ext4 replays its journal), and served again. What was acknowledged before that
moment is there, nothing is there half, every invitation arrived once, index and files agree.

Needs root, loop devices and /dev/fuse, and nothing that is not in Python's library.
Exit status: 0 all is well, 1 something was lost, 2 it cannot run here.
"""
import argparse
import base64
import collections
import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import disk

SIZE = 64 << 20
PEOPLE = ("alice", "bob", "carol")
ALARM = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nDESCRIPTION:Go\r\nEND:VALARM\r\n"


def sh(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout.decode().strip()


class Mounted:
    """An image or a served disk, mounted through a loop device."""

    def __init__(self, file, folder):
        self.folder = folder
        self.loop = sh("losetup", "-f", "--show", file)
        try:
            sh("mount", "-t", "ext4", self.loop, folder)
        except subprocess.CalledProcessError:
            sh("losetup", "-d", self.loop)
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for _ in range(50):
            if subprocess.run(["umount", self.folder]).returncode == 0:
                break
            time.sleep(0.1)
        sh("losetup", "-d", self.loop)


class Server:
    def __init__(self, binary, data, config):
        self.log = open(config + ".log", "ab")
        words = [binary, "serve", "--demo", "--config", config, "--data", data, "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self.log)
        self.port = None
        for line in self.process.stdout:
            if b"listens on http://" in line:
                self.port = int(line.split(b"http://")[1].split(b"/")[0].split(b":")[1])
                break
        if self.port is None:
            raise SystemExit(f"no server: see {config}.log")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def send(self, user, method, path, body="", **headers):
        """The status; none when the server is gone."""
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{user}".encode()).decode()
        if method == "PUT":
            headers["Content-Type"] = "text/calendar"
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            connection.request(method, path, body.encode(), headers)
            reply = connection.getresponse()
            reply.read()
            return reply.status
        except OSError:
            return None
        except http.client.HTTPException:
            return None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def event(uid, version, guest=None, size=0):
    people = guest and (
        "ORGANIZER:mailto:alice@example.com\r\n"
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n"
        f"ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{guest}@example.com\r\n")
    return (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n"
        "DTSTAMP:20260101T000000Z\r\nDTSTART:20260601T100000Z\r\nDURATION:PT1H\r\n"
        f"SUMMARY:{version}\r\n{people or ''}" + "DESCRIPTION:some more of the text\r\n" * size +
        "END:VEVENT\r\nEND:VCALENDAR\r\n")


class Writer(threading.Thread):
    """Writes objects of its own; `history` is, by file, what was asked for between which
    positions of the disk's log, and whether it was acknowledged."""

    def __init__(self, user, server, position, seed, until):
        super().__init__()
        self.user, self.server, self.position, self.until = user, server, position, until
        self.dice = random.Random(f"{user}{seed}")
        self.history = collections.defaultdict(list)
        self.files, self.version, self.invitations = {}, 0, set()

    def attempt(self, effects, *words, **headers):
        start = self.position()
        status = self.server.send(self.user, *words, **headers)
        end = self.position()
        if status is not None and not 200 <= status < 300:
            raise SystemExit(f"{words[:2]}: {status}")
        for file, text in effects.items():
            self.history[file].append((start, end if status else None, text))
            if text is None:
                self.files.pop(file, None)
            else:
                self.files[file] = text
        return status is not None

    def run(self):
        url = f"/calendars/users/{self.user}/"
        while time.time() < self.until:
            self.version += 1
            name, dice = f"{self.version}.ics", self.dice.random()
            plain = [file for file in self.files if not file.startswith("calendar/")]
            if dice < 0.35 or not plain:
                file = f"{self.dice.choice('ab')}/{name}"
                text = event(f"{self.user}-{self.version}", self.version, size=self.dice.choice((0, 5, 400)))
                alive = self.attempt({file: text}, "PUT", url + file, text)
            elif dice < 0.55 and self.user == "alice":
                file = f"calendar/{name}"
                self.invitations.add(self.version)
                text = event(f"invitation-{self.version}", self.version, "bob")
                alive = self.attempt({file: text}, "PUT", url + file, text)
                if alive and dice < 0.45:  # nothing that bob is told, before his copy is durable
                    alarm = ALARM + "END:VEVENT"
                    text = text.replace("END:VEVENT", alarm)
                    alive = self.attempt({file: text}, "PUT", url + file, text)
            elif dice < 0.75:
                file = self.dice.choice(plain)
                uid = self.files[file].split("UID:")[1].split("\r\n")[0]
                text = event(uid, self.version, size=self.dice.choice((0, 3, 300)))
                alive = self.attempt({file: text}, "PUT", url + file, text)
            elif dice < 0.85:
                file = self.dice.choice(plain)
                alive = self.attempt({file: None}, "DELETE", url + file)
            else:
                file = self.dice.choice(plain)
                folder, name = file.split("/")
                to = f"{'b' if folder == 'a' else 'a'}/{name}"
                effects = {file: None, to: self.files[file]}
                alive = self.attempt(effects, "MOVE", url + file, Destination=url + to)
            if not alive:
                return

    def allowed(self, file, cut):
        """What the file may hold when the power fails at `cut`."""
        texts = [None]
        for start, end, text in self.history[file]:
            if end is not None and end <= cut:
                texts = [text]
            elif start <= cut:
                texts.append(text)
        return texts


def verify(binary, folder, config, writers, cut):
    """Serves what a power failure left; a list of what is wrong."""
    data, wrong = os.path.join(folder, "data"), []
    server = Server(binary, data, config)
    try:
        for user in PEOPLE:
            status = server.send(user, "PROPFIND", f"/calendars/users/{user}/", Depth="1")
            if status != 207:
                wrong.append(f"home of {user}: {status}")
        homes = os.path.join(data, "calendars/users")
        found = {}
        for user in PEOPLE:
            for collection in ("a", "b", "calendar", "inbox"):
                at = os.path.join(homes, user, collection)
                for name in os.listdir(at) if os.path.isdir(at) else ():
                    with open(os.path.join(at, name), newline="") as file:
                        text = found[f"{user}/{collection}/{name}"] = file.read()
                    if name.startswith("."):
                        wrong.append(f"left behind: {user}/{collection}/{name}")
                    elif not text.endswith("END:VCALENDAR\r\n"):
                        wrong.append(f"half: {user}/{collection}/{name} ({len(text)} bytes)")
        for writer in writers:
            for file in writer.history:
                text = found.get(f"{writer.user}/{file}")
                if file.startswith("calendar/") and text is not None:
                    text = text and "there"
                    allowed = [a and "there" for a in writer.allowed(file, cut)]
                else:
                    allowed = writer.allowed(file, cut)
                if text not in allowed:
                    wrong.append(f"{writer.user}/{file}: {text!r:.60} of {[str(a)[:60] for a in allowed]}")
        sent = {file.split("/")[-1][:-4] for file in found if file.startswith("alice/calendar/")}
        for collection in ("calendar", "inbox"):
            held = collections.Counter(
                text.split("UID:invitation-")[1].split("\r\n")[0] for file, text in found.items()
                if file.startswith(f"bob/{collection}/") and "UID:invitation-" in text)
            if held != collections.Counter(sent):
                wrong.append(f"bob/{collection}: {sorted(held.items())} for {sorted(sent)}")
        beside = os.path.join(data, "check.toml")  # the demo's accounts lie beside it
        open(beside, "w").close()
        words = [binary, "check", "--config", beside, "--data", data]
        checked = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if checked.returncode:
            wrong.append(checked.stdout.decode())
    finally:
        server.kill()
    return wrong


def load(arguments, work):
    """Writes for a while; the writers and the positions between which they did."""
    base, log = os.path.join(work, "base"), os.path.join(work, "log")
    fuse, folder = os.path.join(work, "fuse"), os.path.join(work, "fs")
    os.mkdir(fuse), os.mkdir(folder)
    with open(base, "wb") as file:
        file.truncate(SIZE)
    sh("mkfs.ext4", "-q", "-b", "4096", "-J", "size=4", base)
    served = os.fork()
    if served == 0:
        disk.Disk(base, log, fuse).serve()
        os._exit(0)
    try:
        while not os.path.exists(os.path.join(fuse, "disk")):
            time.sleep(0.05)
        with Mounted(os.path.join(fuse, "disk"), folder):
            position = lambda: os.stat(log).st_size
            server = Server(arguments.binary, os.path.join(folder, "data"), os.path.join(work, "toml"))
            for user in PEOPLE:
                for collection in "ab":
                    server.send(user, "MKCALENDAR", f"/calendars/users/{user}/{collection}/")
            begin, until = position(), time.time() + arguments.seconds
            writers = [Writer(u, server, position, arguments.seed, until) for u in PEOPLE]
            for writer in writers:
                writer.start()
            for writer in writers:
                writer.join()
            end = position()
            server.kill()
    finally:
        subprocess.run(["umount", fuse])
        os.waitpid(served, 0)
    return writers, begin, end


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    for option, default in (("--cuts", 200), ("--seconds", 10), ("--seed", 1)):
        parser.add_argument(option, type=int, default=default)
    arguments = parser.parse_args()
    if os.geteuid() or not os.path.exists("/dev/fuse") or not os.path.exists("/dev/loop-control"):
        print("power: needs root, loop devices and /dev/fuse", file=sys.stderr)
        return 2
    work = tempfile.mkdtemp(prefix="daybook-power-")
    open(os.path.join(work, "toml"), "w").close()
    failed = 0
    try:
        writers, begin, end = load(arguments, work)
        log = disk.Log(os.path.join(work, "log"))
        with open(os.path.join(work, "base"), "rb") as file:
            base = file.read()
        moments = [at for at in log.ends if begin <= at <= end]
        acknowledged = sum(1 for w in writers for h in w.history.values() for e in h if e[1])
        print(f"{acknowledged} acknowledged writes, {len(moments)} writes and flushes of the disk", flush=True)
        dice = random.Random(arguments.seed)
        for number in range(arguments.cuts):
            cut = dice.choice(moments)
            image, folder = os.path.join(work, "image"), os.path.join(work, "fs")
            with open(image, "wb") as file:
                file.write(log.image(base, cut, f"{arguments.seed}-{number}"))
            try:
                with Mounted(image, folder):
                    wrong = verify(arguments.binary, folder, os.path.join(work, "toml"), writers, cut)
            except subprocess.CalledProcessError as error:
                wrong = [f"not mounted: {error}"]
            failed += bool(wrong)
            for line in wrong[:8]:
                print(f"cut {number} at {cut}: {line}", flush=True)
        print(f"seed {arguments.seed}: {arguments.cuts} power failures, {failed} with losses", flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if failed else 0


sys.exit(main())
