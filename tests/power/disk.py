"""A disk that remembers every write and every flush: one file, served over /dev/fuse, for a loop
device to stand on. What a power failure may leave is made from its log afterwards.

The log is records of a byte (W or F), an offset, a length, and the data of a write.
"""
import ctypes
import errno
import os
import random
import struct

RECORD = struct.Struct("<cQQ")
BLOCK = 4096
LARGEST = 128 * 1024


def attributes(node, size):
    mode = 0o040755 if node == 1 else 0o100600
    return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, BLOCK, 0)


class Disk:
    """Serves `image` as `folder`/disk until the file system is unmounted."""

    def __init__(self, image, log, folder):
        with open(image, "rb") as file:
            self.content = bytearray(file.read())
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"daybook-disk", folder.encode(), b"fuse", 6, options.encode()):
            raise OSError(ctypes.get_errno(), "mount of fuse")

    def serve(self):
        while True:
            try:
                request = os.read(self.device, LARGEST + BLOCK)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                raise
            _, code, unique, node = struct.unpack_from("<IIQQ", request)
            answer = self.answer(code, node, request[40:])
            if answer is None:
                continue
            error, data = (-answer, b"") if isinstance(answer, int) else (0, answer)
            try:
                os.write(self.device, struct.pack("<IiQ", 16 + len(data), error, unique) + data)
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise

    def answer(self, code, node, body):
        size = len(self.content)
        if code in (2, 36, 42):  # FORGET, INTERRUPT, BATCH_FORGET want no answer
            return None
        if code == 26:  # INIT; big writes, long requests
            flags = 1 << 5 | 1 << 22
            return struct.pack("<4IHHIIHHI7I", 7, 31, LARGEST, flags, 12, 9, LARGEST, 1, LARGEST // BLOCK, *[0] * 9)
        if code == 1:  # LOOKUP
            if node != 1 or body != b"disk\0":
                return errno.ENOENT
            return struct.pack("<4QII", 2, 0, 3600, 3600, 0, 0) + attributes(2, size)
        if code in (3, 4):  # GETATTR, SETATTR
            return struct.pack("<QII", 3600, 0, 0) + attributes(node, size)
        if code in (14, 27):  # OPEN, OPENDIR
            return struct.pack("<QII", 0, 0, 0)
        if code == 15:  # READ
            offset, length = struct.unpack_from("<QI", body, 8)
            return bytes(self.content[offset:offset + length])
        if code == 16:  # WRITE
            offset, length = struct.unpack_from("<QI", body, 8)
            data = body[40:40 + length]
            self.content[offset:offset + length] = data
            os.write(self.log, RECORD.pack(b"W", offset, length) + data)
            return struct.pack("<II", length, 0)
        if code == 20:  # FSYNC
            os.write(self.log, RECORD.pack(b"F", 0, 0))
            return b""
        if code in (18, 25, 29, 34, 38):  # RELEASE, FLUSH, RELEASEDIR, ACCESS, DESTROY
            return b""
        if code == 17:  # STATFS
            return struct.pack("<5Q4I6I", 0, 0, 0, 1, 0, BLOCK, 255, BLOCK, *[0] * 7)
        return errno.EOPNOTSUPP if code == 43 else errno.ENOSYS


class Log:
    """A log that was written, by the positions at which the power may fail."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.ends, at = [], 0
        while at < len(self.data):
            kind, _, length = RECORD.unpack_from(self.data, at)
            at += RECORD.size + (length if kind == b"W" else 0)
            self.ends.append(at)

    def image(self, base, cut, seed):
        """What may be on the disk when the power fails at `cut`: all that was flushed, and of
        the rest any blocks in any order."""
        dice = random.Random(seed)
        # Some disks lose nearly all that they were not made to keep, some nearly nothing.
        kept = dice.choice((0.05, 0.5, 0.5, 0.95))
        content, at, waiting = bytearray(base), 0, []
        while at < cut:
            kind, offset, length = RECORD.unpack_from(self.data, at)
            at += RECORD.size
            if kind == b"F":
                for start, data in waiting:
                    content[start:start + len(data)] = data
                waiting = []
                continue
            for start in range(0, length, BLOCK):
                block = self.data[at + start:at + min(start + BLOCK, length)]
                waiting.append((offset + start, block))
            at += length
        for start, data in waiting:
            if dice.random() < kept:
                content[start:start + len(data)] = data
        return content
