"""Sign-in through OpenLDAP's own server: by a template, by a search, with StartTLS.

    slapd.py DAYBOOK FOLDER     the binary to test; FOLDER for the files of both servers

slapd runs as whoever calls this, on a free port of the loopback interface, with a directory made here.
"""

import base64
import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TLS = Path(__file__).resolve().parents[2] / "fixtures" / "tls"
MODULES = "/usr/lib/ldap"
SCHEMAS = "/etc/ldap/schema"
SLAPD = f"""
include {SCHEMAS}/core.schema
include {SCHEMAS}/cosine.schema
include {SCHEMAS}/inetorgperson.schema
modulepath {MODULES}
moduleload back_mdb
TLSCertificateFile {TLS}/first.crt
TLSCertificateKeyFile {TLS}/first.key
database mdb
suffix "dc=example,dc=com"
rootdn "cn=root,dc=example,dc=com"
rootpw root
directory {{folder}}/ldap
access to attrs=userPassword by anonymous auth by * none
access to * by self read by dn.exact="cn=daybook,dc=example,dc=com" read by * none
"""
LDIF = """
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: cn=daybook,dc=example,dc=com
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: daybook
userPassword: service

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=dora,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: dora
cn: Dora Diaz
sn: Diaz
mail: dora@example.com
userPassword: secret

dn: uid=emil,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: emil
cn: Emil Ek
sn: Ek
mail: emil@example.com
userPassword: geheim
"""
TEMPLATE = 'bind_dn = "uid={name},ou=people,dc=example,dc=com"\n'
SEARCH = """search_base = "dc=example,dc=com"
search_filter = "(&(objectClass=person)(|(uid={name})(mail={name})))"
service_dn = "cn=daybook,dc=example,dc=com"
service_password_file = "service-password"
"""
WRONG_SERVICE = SEARCH.replace("service-password", "wrong-password")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    sys.exit(f"nobody listens on port {port}")


@contextlib.contextmanager
def slapd(folder):
    (folder / "ldap").mkdir()
    (folder / "slapd.conf").write_text(SLAPD.format(folder=folder))
    (folder / "people.ldif").write_text(LDIF)
    subprocess.run(["slapadd", "-f", folder / "slapd.conf", "-l", folder / "people.ldif"], check=True)
    port = free_port()
    server = subprocess.Popen(["slapd", "-f", folder / "slapd.conf", "-h", f"ldap://127.0.0.1:{port}", "-d", "0"])
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def daybook(binary, folder, name, ldap, authority=TLS / "authority.crt"):
    home = folder / name
    home.mkdir()
    (home / "accounts.toml").write_text('realm = "Example"\n')
    (home / "service-password").write_text("service\n")
    (home / "wrong-password").write_text("wrong\n")
    (home / "daybook.toml").write_text(f'[server]\nlisten = ["127.0.0.1:0"]\n\n[ldap]\nmake_users = true\n{ldap}')
    environment = {**os.environ, "SSL_CERT_FILE": str(authority)} if authority else None
    with open(home / "out", "wb") as out, open(home / "log", "wb") as log:
        server = subprocess.Popen([binary, "serve", "--config", home / "daybook.toml"],
                                  stdout=out, stderr=log, env=environment)
    try:
        for _ in range(100):
            found = re.search(r"http://[0-9.]+:\d+", (home / "out").read_text())
            if found:
                break
            time.sleep(0.05)
        else:
            sys.exit(f"the server did not start: {(home / 'log').read_text()}")
        yield found.group(0)
    finally:
        server.terminate()
        server.wait()


def ask(url, path, name, password, method="GET", body=None):
    sign_in = base64.b64encode(f"{name}:{password}".encode()).decode()
    request = urllib.request.Request(url + path, method=method, data=body)
    request.add_header("Authorization", f"Basic {sign_in}")
    request.add_header("Depth", "0")
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def check(what, found, expected):
    print(f"{'ok' if found == expected else 'FAIL'}  {what}")
    if found != expected:
        sys.exit(f"{what}: {found}, expected {expected}")


def change_password(port, old, new):
    who = "uid=dora,ou=people,dc=example,dc=com"
    subprocess.run(["ldappasswd", "-x", "-H", f"ldap://127.0.0.1:{port}", "-D", "cn=root,dc=example,dc=com",
                    "-w", "root", "-s", new, who], check=True, stdout=subprocess.DEVNULL)


def signs_in(url, by_mail):
    home = "/calendars/users/dora/"
    check("dora signs in and has a home", ask(url, home, "dora", "secret", "PROPFIND")[0], 207)
    for name, password in [("dora", "wrong"), ("nobody", "secret"), ("dora", ""), ("*", "secret"),
                           ("dora)(uid=*", "secret"), ("emil", "secret")]:
        check(f"{name} with {password!r} does not", ask(url, home, name, password)[0], 401)
    check("emil signs in", ask(url, "/calendars/users/emil/", "emil", "geheim", "PROPFIND")[0], 207)
    check("emil may not read what is dora's", ask(url, home, "emil", "geheim", "PROPFIND")[0], 403)
    body = (b'<propfind xmlns="DAV:"><prop><displayname/>'
            b'<C:calendar-user-address-set xmlns:C="urn:ietf:params:xml:ns:caldav"/></prop></propfind>')
    text = ask(url, "/principals/users/dora/", "dora", "secret", "PROPFIND", body)[1]
    check("her name is of the directory", "Dora Diaz" in text, True)
    check("and her address", "mailto:dora@example.com" in text, True)
    if by_mail:
        status = ask(url, home, "dora@example.com", "secret", "PROPFIND")[0]
        check("dora signs in by her address, as herself", status, 207)


def main():
    binary, folder = sys.argv[1], Path(sys.argv[2])
    with slapd(folder) as port:
        url = f'url = "ldap://127.0.0.1:{port}"\n'
        named = f'url = "ldap://localhost:{port}"\nstarttls = true\n'
        for name, ldap, by_mail in [("template", url + TEMPLATE, False), ("search", url + SEARCH, True),
                                    ("starttls", named + TEMPLATE, False)]:
            print(f"- {name}")
            with daybook(binary, folder, name, ldap) as at:
                signs_in(at, by_mail)
        print("- out of order")
        with daybook(binary, folder, "service", url + WRONG_SERVICE) as at:
            check("nobody is refused for the server's own fault", ask(at, "/", "dora", "secret")[0], 503)
        with daybook(binary, folder, "stranger", named + TEMPLATE, authority=None) as at:
            check("no password for a server whose certificate nobody vouches for",
                  ask(at, "/", "dora", "secret")[0], 503)
        with daybook(binary, folder, "changed", url + TEMPLATE) as at:
            change_password(port, "secret", "new")
            check("the new password is right at once", ask(at, "/principals/", "dora", "new")[0], 200)
            check("the old one is not", ask(at, "/principals/", "dora", "secret")[0], 401)
    with daybook(binary, folder, "gone", url + TEMPLATE) as at:
        check("no LDAP server: later, not never", ask(at, "/principals/", "dora", "new")[0], 503)


main()
