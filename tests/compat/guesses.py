"""Signs in to a demo server: wrong three times, right once, not at all once.

    guesses.py URL
"""

import base64
import contextlib
import sys
import urllib.error
import urllib.request

# The last wrong name tries to put the blame on another client.
for sign_in in ["alice:wrong", "nobody:x", 'a" WARN daybook::auth: sign-in failed client=10.0.0.1 name="b:x',
                "alice:alice", None]:
    request = urllib.request.Request(sys.argv[1] + "/principals/")
    if sign_in:
        request.add_header("Authorization", "Basic " + base64.b64encode(sign_in.encode()).decode())
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request).close()
